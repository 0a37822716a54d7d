// Rows of pictures that fill the width, each picture in its own proportions.
// Breaks are chosen as in Knuth and Plass (1981): the sum of squared deviations from the wanted height is least.

function justified(ratios, width, gap, wanted, filled) {
  const best = [0], from = [0];
  for (let end = 1; end <= ratios.length; end++) {
    best[end] = Infinity;
    let sum = 0;
    for (let start = end - 1; start >= 0; start--) {
      sum += ratios[start];
      const height = (width - gap * (end - start - 1)) / sum;
      if (height < wanted / 3 && start < end - 1) break;
      const open = end === ratios.length && !filled && height > wanted;
      const cost = best[start] + (open ? 0.02 : (height / wanted - 1) ** 2);
      if (cost < best[end]) [best[end], from[end]] = [cost, start];
    }
  }
  const rows = [];
  for (let end = ratios.length; end > 0; end = from[end]) {
    const part = ratios.slice(from[end], end);
    const full = (width - gap * (part.length - 1)) / part.reduce((sum, ratio) => sum + ratio, 0);
    const last = end === ratios.length;
    rows.unshift({ start: from[end], end, height: last && full > wanted * (filled ? 1.5 : 1.15) ? wanted : full });
  }
  return rows;
}

// The first eight keep their place when more follow: each block of pictures has rows of its own.
function inBlocks(ratios, first, step, width, gap, wanted) {
  const rows = [];
  for (let start = 0, size = first; start < ratios.length; start += size, size = start === first ? step : size) {
    const end = Math.min(start + size, ratios.length);
    for (const row of justified(ratios.slice(start, end), width, gap, wanted, end < ratios.length || end === first))
      rows.push({ start: start + row.start, end: start + row.end, height: row.height });
    size = end - start;
  }
  return rows;
}

// The height of rows at which the first block fits into what is to be seen at once, but no row is lower than `least`.
function fittingHeight(ratios, width, gap, words, available, least) {
  let fallback = least;
  for (let wanted = 420; wanted >= least; wanted -= 10) {
    const heights = justified(ratios, width, gap, wanted, true).map((row) => row.height);
    const total = heights.reduce((sum, height) => sum + height + words + gap, 0);
    if (Math.min(...heights) < least) continue;
    fallback = wanted;
    if (total <= available && Math.max(...heights) <= 480) return wanted;
  }
  return fallback;
}
