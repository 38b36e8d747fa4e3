#!/usr/bin/env python3
"""run_docs.py PAGE.md: runs the SQL examples of a page in order and prints TAP, one test an example.

An example is a block fenced as ```sql. All examples of a page share one psql session, which stops at
the first error. Where the next block is fenced as ``` or ```text, with nothing but blank lines between,
it is what psql must print; a line "..." in it stands for any number of lines. An output that names an
ERROR expects it. Pages other than the one that shows CREATE EXTENSION find it done.
"""
import re
import subprocess
import sys

FENCE = re.compile(r"^```(\w*)\s*$")


def blocks(lines):
    """(language, number of the first line, text, whether only blank lines lie before it) of each block."""
    found, start, language, adjacent = [], None, None, False
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line)
        if start is None and fence:
            start, language = number + 1, fence.group(1)
        elif start is not None and line.rstrip() == "```":
            found.append((language, start, "\n".join(lines[start - 1:number - 1]), adjacent))
            start, adjacent = None, True
        elif start is None and line.strip():
            adjacent = False
    return found


def examples(lines):
    """(line, SQL, expected output or None) of each example."""
    result = []
    for language, line, text, adjacent in blocks(lines):
        if language == "sql":
            result.append([line, text, None])
        elif language in ("", "text") and adjacent and result and result[-1][2] is None:
            result[-1][2] = text
    return result


def matches(expected, actual):
    """Compares line by line, without trailing blanks; "..." matches any run of lines."""
    pattern = ""
    for line in tidy(expected):
        pattern += r"(?:[^\n]*\n)*" if line.strip() == "..." else re.escape(line) + r"\n"
    return re.fullmatch(pattern, "".join(line + "\n" for line in tidy(actual))) is not None


def tidy(text):
    return [line.rstrip() for line in text.strip("\n").split("\n")]


def run(page_examples, prepare):
    """The output of each example; shorter than the list when psql stopped."""
    script = ["\\set ON_ERROR_STOP on", "\\pset pager off", prepare]
    for number, (_, sql, expected) in enumerate(page_examples):
        tolerant = expected is not None and "ERROR:" in expected
        script.append("\\set ON_ERROR_STOP %s" % ("off" if tolerant else "on"))
        script += ["\\echo @begin %d" % number, sql, "\\echo @end %d" % number]
    psql = subprocess.run(["psql", "-X", "-q"], input="\n".join(script) + "\n", text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    outputs, rest = [], psql.stdout
    for number in range(len(page_examples)):
        _, _, rest = rest.partition("@begin %d\n" % number)
        output, end, rest = rest.partition("@end %d\n" % number)
        outputs.append((output, bool(end)))
        if not end:
            break
    return outputs


def main(path):
    with open(path, encoding="utf-8") as page:
        text = page.read()
    page_examples = examples(text.split("\n"))
    prepare = "" if "CREATE EXTENSION attrib" in text else "CREATE EXTENSION attrib;"
    outputs = run(page_examples, prepare) if page_examples else []
    failures = 0
    print("1..%d%s" % (len(page_examples), "" if page_examples else " # SKIP no SQL on this page"))
    for number, (line, _, expected) in enumerate(page_examples):
        output, finished = outputs[number] if number < len(outputs) else ("not reached", False)
        good = finished and (expected is None or matches(expected, output))
        print("%sok %d - %s:%d" % ("" if good else "not ", number + 1, path, line))
        if not good:
            failures += 1
            for label, shown in (("expected", expected), ("got", output)):
                for row in tidy(shown) if shown else []:
                    print("# %-8s %s" % (label, row))
    return failures > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
