/** Whether the tests' browser is there. */
export function hasBrowser(): boolean;
