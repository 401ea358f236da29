#!/usr/bin/env python3
"""Put the logs of list.jsonl into a folder outside the project, with what is true of each.

Run:  python tests/real_logs/fetch.py FOLDER --mirrors CLONES

A mirror is a git directory of the repository that holds the listed commit, found in the folder of mirrors as
`owner+name`, `owner+name/repo`, `owner/name` or `owner+name.git`, each with or without `.git`. A log of more than
20 MB is cut after its first 20 MB, and said to be. Nothing of a log belongs into the project: only the list does.
Beside the logs stands `index.jsonl`: {log, repo, path, commit, format, facts}, the facts as in `truth/`.
"""

import argparse
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))

from tests.real_logs import truth  # noqa: E402 - the project is not installed for its own scripts

LARGEST_BYTES = 20_000_000


def whole_list():
    """Every log of the list, in its order."""
    return [json.loads(line) for line in (HERE / "list.jsonl").read_text().splitlines() if line.strip()]


def listed():
    """The logs of the list that were not dropped."""
    return [each for each in whole_list() if "dropped" not in each]


def dropped():
    """A sentence for each log of the list that was dropped: which, and why."""
    return [f"dropped: {e['repo']} {e['path']}: {e['dropped']}" for e in whole_list() if "dropped" in e]


def place(folder, each):
    """Where a log lies in the folder."""
    return folder / each["repo"].replace("/", "+") / each["path"]


def git_directory(mirrors, repo):
    """The git directory of a repository, or None."""
    for name in (repo.replace("/", "+"), repo):
        for middle in ("repo", ""):
            for end in ("", ".git"):
                found = mirrors / name / middle / end
                if (found / "HEAD").exists() and (found / "objects").is_dir():
                    return found
        if (mirrors / f"{name}.git" / "HEAD").exists():
            return mirrors / f"{name}.git"
    return None


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("folder", type=pathlib.Path)
    ap.add_argument("--mirrors", type=pathlib.Path, required=True)
    a = ap.parse_args()
    if HERE.parent.parent.resolve() in a.folder.resolve().parents:
        sys.exit(f"{a.folder} lies in the project; expected a folder outside of it")
    lost, index = [], []
    for each in listed():
        git = git_directory(a.mirrors, each["repo"])
        if git is None:
            lost.append(f"{each['repo']}: no git directory below {a.mirrors}")
            continue
        shown = subprocess.run(["git", "-C", git, "show", f"{each['commit']}:{each['path']}"], capture_output=True)
        if shown.returncode:
            lost.append(f"{each['repo']} {each['path']}: {shown.stderr.decode(errors='replace').strip()}")
            continue
        log = place(a.folder, each)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(shown.stdout[:LARGEST_BYTES])
        if len(shown.stdout) > LARGEST_BYTES:
            print(f"cut to its first {LARGEST_BYTES} bytes: {log}")
        facts = truth.facts_of(each["format"], truth.read(log))
        index.append({"log": str(log), **{k: each[k] for k in ("repo", "path", "commit", "format")}, "facts": facts})
    (a.folder / "index.jsonl").write_text("".join(json.dumps(each) + "\n" for each in index))
    print(f"{len(index)} logs of {len({each['repo'] for each in index})} repositories below {a.folder}")
    print(*dropped(), sep="\n")
    for each in lost:
        print(each, file=sys.stderr)
    return bool(lost)


if __name__ == "__main__":
    sys.exit(main())
