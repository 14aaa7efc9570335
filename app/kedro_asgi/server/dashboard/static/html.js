// The view library as the pages use it: Preact's functions, and `html` in place of JSX.

import { h } from "./vendor/preact.js";
import htm from "./vendor/htm.js";

export const html = htm.bind(h);
export { Component, Fragment, render } from "./vendor/preact.js";
export { useCallback, useEffect, useErrorBoundary, useMemo, useReducer, useRef, useState } from "./vendor/hooks.js";
