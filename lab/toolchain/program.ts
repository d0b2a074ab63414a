/** What is told of a program: its version, and the ways to get it. */

/** The processor, as Go spells it. */
export type Architecture = "amd64" | "arm64";

/** How a program tells its version: arguments, and a pattern whose first group is the version. */
export interface VersionQuestion {
  args: readonly string[];
  pattern: RegExp;
}

/** A publisher's release: an archive whose SHA-256 is pinned here and, where the publisher signs, in signed sums. */
export interface Release {
  /** Host and path of the archive, without scheme, so that a mirror can hold it below one folder. */
  archive: (architecture: Architecture) => string;
  format: "zip" | "tar.gz";
  /** The program's path inside the archive. */
  member: string;
  sha256: Record<Architecture, string>;
  /** Sums and their detached OpenPGP signature; absent where the publisher signs in no way that we can check. */
  signed?: { sums: string; signature: string; key: string; fingerprint: string };
}

/** A program built from its Go module by the small module in modules/<module>/. */
export interface GoModule {
  /** Folder below modules/, with the go.mod and go.sum to build from. */
  module: string;
  /** Module path and version, for people to read. */
  origin: string;
  /** The program's own version where this way gives another one than the row says. */
  version?: string;
  /** The main package. */
  package: string;
  cgo: boolean;
  tags: readonly string[];
  /** Linker variables, name=value. */
  variables: readonly string[];
  /** Seconds the build took on two idle cores with no cache, for estimates. */
  buildSeconds: number;
}

export interface Program {
  name: string;
  version: string;
  /** What the project uses it for. */
  purpose: string;
  /** Got only where it is asked for by name: what most have no use for, and would pay minutes for. */
  optional?: boolean;
  /** How to ask a copy on PATH for its version; a program that cannot tell is never taken from PATH. */
  question?: VersionQuestion;
  /** Taken from PATH when it lies beside this program, which has the right version: they are released together. */
  releasedWith?: string;
  release?: Release;
  module?: GoModule;
}
