"""Runs one program of the library on a machine.

The bundle comes as JSON on stdin: {"loader": this text, "program": name, "modules": {name: source}, "input": {...}, "machine": name,
"timeoutSeconds": n}. The program is one of the modules and has functions create(input), and where it needs them
update(input), delete(input) and others that the command line asks for. What it returns is printed as JSON on stdout. Anything for people goes to stderr.
"""

import json
import signal
import sys
import traceback
import types


class Failure(Exception):
    """What went wrong, in one sentence; `log` are the last lines that explain it."""

    def __init__(self, sentence, log=""):
        super().__init__(sentence)
        self.log = log


def load(modules):
    common = types.ModuleType("hashistack")
    common.Failure = Failure
    sys.modules["hashistack"] = common
    pending = dict(modules)

    class Finder:
        """Modules of the bundle import each other by name."""

        @staticmethod
        def find_spec(name, path=None, target=None):
            if name not in pending:
                return None
            import importlib.util

            return importlib.util.spec_from_loader(name, Loader())

    class Loader:
        @staticmethod
        def create_module(spec):
            return None

        @staticmethod
        def exec_module(module):
            source = pending[module.__name__]
            exec(compile(source, module.__name__ + ".py", "exec"), module.__dict__)

    sys.meta_path.insert(0, Finder)


def main(bundle, verb):
    where = "%s: %s" % (bundle["machine"], bundle["program"])

    def late(signum, frame):
        raise Failure("not done within %d s" % bundle["timeoutSeconds"])

    signal.signal(signal.SIGALRM, late)
    signal.alarm(bundle["timeoutSeconds"])
    load(bundle["modules"])
    import importlib

    try:
        program = importlib.import_module(bundle["program"])
        run = getattr(program, verb, None) or (program.create if verb == "update" else None)
        if run is None:
            return
        result = run(bundle["input"])
    except Failure as failure:
        signal.alarm(0)
        text = "%s: %s" % (where, failure)
        if failure.log:
            text += "\n" + "\n".join("  | " + line for line in failure.log.rstrip().splitlines()[-30:])
        sys.exit(text)
    except Exception as error:  # a bug of ours: where, but never the values (they may be secrets)
        signal.alarm(0)
        kind = type(error).__name__
        if isinstance(error, OSError):  # says only a path and the system's own words
            kind += " (%s%s)" % (error.strerror, ": %s" % error.filename if error.filename else "")
        frames = traceback.extract_tb(error.__traceback__)
        place = " < ".join("%s:%s" % (f.filename, f.lineno) for f in reversed(frames[-4:]))
        sys.exit("%s: %s at %s" % (where, kind, place))
    signal.alarm(0)
    if result is not None:
        json.dump(result, sys.stdout)


main(bundle, sys.argv[1])  # noqa: F821 - the one-line entry has read the bundle from stdin
