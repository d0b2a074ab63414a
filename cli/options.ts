/** What every command is told. */
import { checkStackName, findWorkspace, type Workspace } from "./workspace";

export interface StackOptions {
  stack: string;
  /** Folder of the project, or one below it. */
  cwd: string;
}

export interface RunOptions extends StackOptions {
  json: boolean;
  /** Heal first what was changed by hand. */
  repair?: boolean;
}

/** @throws CliError for a name that is none, or a folder outside of a project */
export function openWorkspace(options: StackOptions): Workspace {
  checkStackName(options.stack);
  return findWorkspace(options.cwd);
}
