/**
 * For an element that needs arrows and letters itself. In a notebook's command mode a key goes to the notebook
 * unless the element that has the focus says otherwise: "a" in a list would insert a cell.
 */
export const OWN_KEYS = { 'data-lm-suppress-shortcuts': 'true' };
