"""Logs of programs that train nothing: no number in them is a loss, a rate or an epoch."""

from tests.reader.generated.kinds import kind
from tests.reader.generated.page import Page

PROGRAMS = [
    [
        "64 bytes from 10.0.0.7: icmp_seq={n} ttl=64 time=0.{n}2 ms",
        "4 packets transmitted, 4 received, 0% packet loss, time 3004ms",
    ],
    [
        '10.0.0.7 - - [04/Mar/2025:09:00:{n:02d} +0000] "GET /api/run/{n} HTTP/1.1" 200 5{n}3',
        "worker 3 timed out after 30 s",
    ],
    ["tests/test_model.py::test_step_{n} PASSED [ {n}%]", "==== {n} passed, 2 warnings in 3.21s ===="],
    [
        "Get:{n} http://archive.ubuntu.com/ubuntu jammy/main amd64 libc6 amd64 2.35-0 [3,2{n} kB]",
        "Fetched 31.2 MB in 3s (9,731 kB/s)",
    ],
    ["Collecting torch==2.{n}", "Downloading torch-2.{n}-cp311-none-linux_x86_64.whl (7{n}7.1 MB)"],
    ["[{n}/250] Building CXX object src/model.dir/step_{n}.cpp.o", "[250/250] Linking CXX executable bin/train"],
    ["processed {n} files, 3 errors, rate 12.5/s", "batch {n} uploaded in 0.{n} s"],
    ["health check ok, uptime {n}00 s, load 0.{n}", "memory 12.{n} GB of 64 GB, disk 45%"],
]


@kind()
def other_program(page: Page) -> None:
    """A program that is not a trainer."""
    lines = page.draw.pick(PROGRAMS)
    for number in range(10, page.draw.whole(20, 80)):
        page.wait(1)
        page.say(lines[0].format(n=number))
        if page.draw.often(0.1):
            page.say(page.draw.pick(lines[1:]).format(n=number))
    page.course.is_complete = False
    for name in ("step", "steps"):  # some of these programs count, and a reader may call that a step
        page.truth.unsaid(name)
