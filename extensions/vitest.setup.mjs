globalThis.IS_REACT_ACT_ENVIRONMENT = true;
globalThis.DragEvent ??= class DragEvent extends MouseEvent {};
window.matchMedia ??= query => ({
  matches: false,
  media: query,
  onchange: null,
  addEventListener() {},
  removeEventListener() {},
  dispatchEvent: () => false
});
