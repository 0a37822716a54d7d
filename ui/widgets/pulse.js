// Calls back once for each value of `behind`.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.host ?? parentElement;
  if (!data.behind || root.benzerTold === data.behind) return;
  root.benzerTold = data.behind;
  setTriggerValue("behind", data.behind);
}
