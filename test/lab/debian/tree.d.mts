/** The folder of the tree of Debian's programs, there or not. */
export function debianTree(): string;
/** Whether it is there. */
export function hasDebianTree(): boolean;
