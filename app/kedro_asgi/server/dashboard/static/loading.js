// Values that a component loads: again when what they depend on changes, or on request.

import { useCallback, useEffect, useState } from "./html.js";

// Return `{value, error, isLoading, reload}`; `load(signal)` returns a promise. A reload keeps the value until the next.
export function useLoaded(load, dependencies) {
  const [state, setState] = useState({ isLoading: true });
  const [count, setCount] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    setState((former) => ({ ...former, isLoading: true }));
    load(controller.signal).then(
      (value) => controller.signal.aborted || setState({ value, isLoading: false }),
      (error) => controller.signal.aborted || setState({ error, isLoading: false }),
    );
    return () => controller.abort();
  }, [...dependencies, count]);
  const reload = useCallback(() => setCount((former) => former + 1), []);
  return { ...state, reload };
}
