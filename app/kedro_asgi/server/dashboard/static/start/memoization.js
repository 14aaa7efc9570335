// Results that are kept as long as the value that they belong to: a key press must not read a large input again.

// Return `compute` with a memory of its last result for each first argument, an object that never changes.
export function memoize(compute) {
  const results = new WeakMap();
  return (object, ...others) => {
    const known = results.get(object);
    if (known && known.others.every((other, n) => Object.is(other, others[n]))) return known.result;
    const result = compute(object, ...others);
    results.set(object, { others, result });
    return result;
  };
}
