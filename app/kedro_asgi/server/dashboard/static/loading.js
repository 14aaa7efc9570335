// Values that a component loads: again when what they depend on changes, or on request.

import { useCallback, useEffect, useState } from "./html.js";

// A request that came too late, too early or too often.
const TEMPORARY = [408, 425, 429];

// Return `{value, error, isLoading, reload}`; `load(signal)` returns a promise. The value stays until the next one, also
// while the server is away, but not where the server says that there is none.
export function useLoaded(load, dependencies) {
  const [state, setState] = useState({ isLoading: true });
  const [count, setCount] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    setState((former) => ({ ...former, isLoading: true }));
    load(controller.signal).then(
      (value) => controller.signal.aborted || setState({ value, isLoading: false }),
      (error) => controller.signal.aborted || setState((former) => ({ value: valueAfter(error, former), error, isLoading: false })),
    );
    return () => controller.abort();
  }, [...dependencies, count]);
  const reload = useCallback(() => setCount((former) => former + 1), []);
  return { ...state, reload };
}

function valueAfter({ status }, former) {
  return status >= 400 && status < 500 && !TEMPORARY.includes(status) ? undefined : former.value;
}
