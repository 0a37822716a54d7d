// The tree of a dendrogram: which node hangs on which, where each stands, what the axis shows.
class Tree {
  constructor(leaves, joins) {
    this.leaves = leaves;
    this.joins = joins;
    this.nodes = new Map();
    leaves.forEach((leaf, place) => this.nodes.set(leaf.node, { ...leaf, place, height: 0, leaf: true, from: place, to: place }));
    for (const join of joins) {
      const [a, b] = [this.nodes.get(join.left), this.nodes.get(join.right)];
      if (!a || !b) continue;
      const [left, right] = a.place <= b.place ? [a, b] : [b, a];
      const node = { ...join, leaf: false, children: [left, right], place: (left.place + right.place) / 2, from: Math.min(left.from, right.from), to: Math.max(left.to, right.to) };
      left.parent = right.parent = node;
      this.nodes.set(join.node, node);
    }
    this.all = [...this.nodes.values()];
    this.top = Math.max(...joins.map((join) => join.height), 0) || 1;
  }

  // Groups that a cut at this height gives, among the branches that are drawn.
  groups(height) {
    return 1 + this.joins.filter((join) => join.height > height).length;
  }

  below(node) {
    return node.leaf ? [node] : [node, ...node.children.flatMap((child) => this.below(child))];
  }

  // The cut with one group more (1) or fewer (−1): halfway between two joins.
  step(height, by) {
    const heights = [...new Set(this.joins.map((join) => join.height))].sort((a, b) => a - b);
    const over = heights.filter((one) => one > height);
    const under = heights.filter((one) => one <= height);
    const bounds = by < 0 ? [over[0], over[1] ?? this.top * 1.05] : [under.at(-2) ?? 0, under.at(-1)];
    return bounds[0] === undefined || bounds[1] === undefined ? height : (bounds[0] + bounds[1]) / 2;
  }
}

// Round values for an axis from 0 to `top`.
function ticks(top, most) {
  const rough = top / most, power = Math.pow(10, Math.floor(Math.log10(rough)));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? rough;
  const found = [];
  for (let n = 0; n * step <= top * 1.0001 && n < 100; n++) found.push(Number((n * step).toPrecision(6)));
  return found;
}

function shortly(value) {
  return Math.abs(value) >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString();
}
