# ruff: noqa: E501 (each line of a log stands on one line)
import itertools
import random

import pytest
import yaml

from monitor.base import resources
from monitor.reader.causes import Cause, Effect
from monitor.reader.ending_files import shipped_ending_texts
from monitor.reader.endings import Ending, ending_of, leading, shipped_endings
from tests.reader.logs import LOGS

DEATHS = {
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.64 GiB": Cause.OUT_OF_MEMORY_GPU,
    "RuntimeError: CUDA error: out of memory": Cause.OUT_OF_MEMORY_GPU,
    "RuntimeError: MPS backend out of memory (MPS allocated: 17.9 GB, max allowed: 18.1 GB). Tried to allocate 256.00 MB on private pool.": Cause.OUT_OF_MEMORY_GPU,
    "jax.errors.JaxRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 17179869184 bytes.": Cause.OUT_OF_MEMORY_GPU,
    "RuntimeError: [enforce fail at alloc_cpu.cpp:114] data. DefaultCPUAllocator: not enough memory: you tried to allocate 3221225472 bytes.": Cause.OUT_OF_MEMORY_HOST,
    "Memory cgroup out of memory: Killed process 33054 (python) total-vm:192345678kB, anon-rss:120345678kB": Cause.OUT_OF_MEMORY_HOST,
    "slurmstepd: error: Detected 1 oom_kill event in StepId=812.0. Some of the step tasks have been OOM Killed.": Cause.OUT_OF_MEMORY_HOST,
    "srun: error: node-a: task 2: Out Of Memory": Cause.OUT_OF_MEMORY_HOST,
    "MemoryError": Cause.OUT_OF_MEMORY_HOST,
    "RuntimeError: CUDA error: device-side assert triggered": Cause.CUDA_ERROR,
    "torch.AcceleratorError: CUDA error: uncorrectable ECC error encountered": Cause.CUDA_ERROR,
    "RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED": Cause.CUDA_ERROR,
    "NVRM: Xid (PCI:0000:0b:00): 79, pid=1234, name=python, GPU has fallen off the bus.": Cause.CUDA_ERROR,
    "[Rank 2] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1580, OpType=ALLREDUCE, Timeout(ms)=600000) ran for 600004 milliseconds before timing out.": Cause.COLLECTIVE_TIMEOUT,
    "RuntimeError: [../third_party/gloo/gloo/transport/tcp/pair.cc:598] Connection closed by peer [10.0.0.1]:23456": Cause.COLLECTIVE_TIMEOUT,
    "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ": Cause.RANK_FAILED,
    "  exitcode  : -9 (pid: 33054)": Cause.RANK_FAILED,
    "srun: error: node-a: task 3: Exited with exit code 1": Cause.RANK_FAILED,
    "mpirun noticed that process rank 3 with PID 0 on node gpu01 exited on signal 9 (Killed).": Cause.RANK_FAILED,
    "[launch.py:321:sigkill_handler] ['/usr/bin/python', 'train.py'] exits with return code = -9": Cause.RANK_FAILED,
    "slurmstepd: error: *** JOB 41239 ON fnode01 CANCELLED AT 2016-11-30T11:22:57 DUE TO TIME LIMIT ***": Cause.TIME_LIMIT,
    "slurmstepd: error: *** JOB 812 ON node-a CANCELLED AT 2026-03-02T09:02:00 DUE TO PREEMPTION ***": Cause.PREEMPTION,
    "slurmstepd: error: *** STEP 812.0 ON node-a CANCELLED AT 2026-03-02T09:03:24 ***": Cause.CANCELLED,
    "srun: error: Node failure on gpu01": Cause.NODE_FAILED,
    "Segmentation fault (core dumped)": Cause.SEGMENTATION_FAULT,
    "Bus error (core dumped)": Cause.BUS_ERROR,
    "Aborted (core dumped)": Cause.ABORTED,
    "terminate called after throwing an instance of 'c10::Error'": Cause.ABORTED,
    "Floating point exception (core dumped)": Cause.FLOATING_POINT_EXCEPTION,
    "Illegal instruction (core dumped)": Cause.ILLEGAL_INSTRUCTION,
    "Killed": Cause.KILLED,
    "Terminated": Cause.INTERRUPTED,
    "KeyboardInterrupt": Cause.INTERRUPTED,
    "OSError: [Errno 28] No space left on device: '/ckpt/step_100.pt'": Cause.DISK_FULL,
    "OSError: [Errno 5] Input/output error": Cause.IO_ERROR,
    "ConnectionResetError: [Errno 104] Connection reset by peer": Cause.NETWORK_ERROR,
    "RuntimeError: DataLoader worker (pid 26455) is killed by signal: Killed. ": Cause.WORKER_KILLED,
    "AssertionError: shapes differ": Cause.ASSERTION,
    "ModuleNotFoundError: No module named 'flash_attn'": Cause.IMPORT_ERROR,
    "omegaconf.errors.ConfigAttributeError: Key 'optim' is not in struct": Cause.CONFIG_ERROR,
    "ValueError: expected 3 channels, got 4": Cause.PYTHON_ERROR,
    "FloatingPointError: Minimum loss scale reached (0.0001). Your loss is probably exploding.": Cause.LOSS_NONFINITE_STOP,
    "FloatingPointError: Loss became infinite or NaN at iteration=405!": Cause.LOSS_NONFINITE_STOP,
    "Exception: Current loss scale already at minimum - cannot decrease scale anymore. Exiting run.": Cause.LOSS_NONFINITE_STOP,
}

OTHERS = {
    "Loss is nan, stopping training": (Cause.LOSS_NONFINITE_STOP, Effect.NAN),
    "Batch 12: Invalid loss, terminating training": (Cause.LOSS_NONFINITE_STOP, Effect.NAN),
    "WARNING: non-finite loss, ending training  tensor(nan)": (Cause.LOSS_NONFINITE_STOP, Effect.NAN),
    "The grad norm is nan. Skipping updating the model.": (Cause.GRAD_NONFINITE, Effect.NAN),
    "WARNING: non-finite grad": (Cause.GRAD_NONFINITE, Effect.NAN),
    "ValueError: Input contains NaN.": (Cause.VALUE_NONFINITE, Effect.NAN),
    "WARNING: received a nan loss, setting loss value to 0": (Cause.LOSS_NONFINITE, Effect.NAN),
    "Gradient overflow.  Skipping step, loss scaler 0 reducing loss scale to 32768.0": (
        Cause.STEP_SKIPPED,
        Effect.SKIP,
    ),
    "Training completed": (Cause.COMPLETED, Effect.END_OK),
    "Finished Training": (Cause.COMPLETED, Effect.END_OK),
    "done training in 2401.3 seconds": (Cause.COMPLETED, Effect.END_OK),
    "`Trainer.fit` stopped: `max_epochs=5` reached.": (Cause.COMPLETED, Effect.END_OK),
    "{'train_runtime': 60.0, 'train_loss': 0.5, 'epoch': 15.0}": (Cause.COMPLETED, Effect.END_OK),
    "Epoch 12: early stopping": (Cause.STOPPED_EARLY, Effect.END_OK),
}

HEADS = (
    "",
    "[rank3]: ",
    "[rank3]:",
    "3: ",
    "[default3]:",
    "[1,3]<stderr>:",
    "(Worker pid=87031) ",
    "(RayTrainWorker pid=812, ip=10.0.0.1) ",
    "2025-03-04 09:00:01,123 ERROR ",
    "2025-03-04 09:00:01 | ERROR | fairseq.trainer | ",
    "03/04 09:00:25 - mmengine - ERROR - ",
    "[03/04 09:00:06 d2.utils.events]: ",
    "ERROR [03/04 09:02:05 d2.engine.train_loop]: ",
    "[2025/03/04 09:00:06] ppdet.engine ERROR: ",
    "[gpu01] 2025-03-04 09:00:01,123 (trainer:636) ERROR: ",
    "2025-03-04 09:00:00.123456: ",
    "2025-03-04 09:00:01.123 | ERROR    | train:main:120 - ",
    "ERROR:root:",
    "E0304 10:01:12.345678 140001 train.py:160] ",
    "\x1b[31m",
    " 42%|████▏     | 420/1000 [01:10<01:37,  5.97it/s]",
    "\r 42%|████▏     | 420/1000 [01:10<01:37,  5.97it/s, loss=2.31]\n",
)
WRAPPERS = {
    "plain": "{}",
    "slurm": "0: {}",
    "torchrun": "[default0]:{}",
    "kubernetes": "2025-03-04T09:00:01.123456789Z stderr F {}",
    "kubectl": "[pod/train-0/pytorch] {}",
    "compose": "worker-0  | {}",
    "journal": "Mar 04 09:00:01 gpu01 train.sh[812]: {}",
}

LOOK_ALIKES = (
    "  --oom-retry N   how often to try again when CUDA out of memory is raised (default: 0)",
    "help='what to do on CUDA out of memory. Tried to allocate 2.00 GiB'",
    '  "on_error": "RuntimeError: CUDA error: device-side assert triggered",',
    "retry_texts: ['CUDA out of memory. Tried to allocate 1.00 GiB', 'NCCL error in: x']",
    "to avoid CUDA out of memory. Tried to allocate 2.00 GiB, lower the batch",
    "12 enemies were killed in episode 3",
    "episode 3: kills=12 Killed=4",
    "Killed 12 goblins",
    "killed",
    "segmentation loss: 0.321",
    "Segmentation fault dataset: 1,200 images",
    "Loading SegmentationFaultDataset from data/",
    "segmentation fault (core dumped) is what we test for",
    "exit code 0",
    "Process exited with exit code 0",
    "srun: error: node-a: task 3: Exited with exit code 0",
    "time limit: 24:00:00",
    "#SBATCH --time=24:00:00  # time limit",
    "TimeLimit=1-00:00:00 TimeMin=N/A",
    "nan_policy=skip",
    "early stopping: nan_check=True",
    "Early stopping enabled: patience 10",
    "aborted 0 transactions",
    "Aborted: 0, committed: 12",
    "cuda out of memory. tried to allocate 2.00 gib",
    "traceback (most recent call last):",
    "keyboardinterrupt",
    "NCCL_ASYNC_ERROR_HANDLING=1 TORCH_NCCL_ENABLE_MONITORING=0",
    "gpu01:812:900 [0] NCCL INFO comm 0x55 rank 0 nranks 8 - Init COMPLETE",
    "MeanSquaredError: 0.0123",
    "val_MeanAbsoluteError: 0.31",
    "Test Error: ",
    "Error rate: 0.12",
    "word error rate: 12.1",
    "stop the run if loss is nan: True",
    "terminate_on_nan: True",
    "skip batches with non-finite loss: yes",
    "number of skipped iterations:   0 | number of nan iterations:   0 |",
    "grad norm: nan",
    "{'loss': 0.0, 'grad_norm': nan, 'learning_rate': 1e-05, 'epoch': 0.5}",
    "loss scale: 65536.0",
    "Training finished iteration 1 at 2026-03-02 09:01:00. Total running time: 1min 0s",
    "Training completed: 45%",
    "Finished training epoch 3",
    "Epoch 3 completed in 12.1 s",
    "Total training time: 0:02:00 (0:00:00 on hooks)",
    "preemption_policy: never",
    "Memory: 120 GiB, out of memory handling: on",
    "Connection established",
    "DataLoader workers: 8",
    "exception_handler=None",
    "self-killed neurons: 0.2",
    "Terminated episodes: 12",
    '2025-11-24T16:00:02.000Z INFO [CONFIG] note="CUDA out of memory. Tried to allocate" source=cli',
)

PARAPHRASES = (
    "the card has no room left for this batch, giving up",
    "GPU memory exhausted at batch 512, leaving",
    "the operating system took our process away: too little RAM",
    "worker 3 has left the group, shutting down",
    "our slot on the cluster is over, goodbye",
    "the peers did not answer within half an hour; ending here",
    "the loss is no number any longer; leaving the loop",
    "the program touched memory that was not its own and was stopped",
    "checkpoint could not be stored because the volume holds no more bytes; exiting",
    "someone pressed the red button, the run ends",
)
"""Deaths in words that stand in no list, and shall stand in none: a run that ends so has no known end."""


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize(("text", "cause"), DEATHS.items(), ids=[text[:40] for text in DEATHS])
def test_a_death_is_named_behind_every_head_and_wrapper(text, cause, wrapper):
    for head in HEADS:
        found = ending_of(WRAPPERS[wrapper].format(head + text).encode())
        assert (found and found.cause, head) == (cause, head)
        assert found.is_death


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize(("text", "meant"), OTHERS.items())
def test_words_of_nan_and_of_an_end_are_read_behind_every_head_and_wrapper(text, meant, wrapper):
    for head in HEADS:
        found = ending_of(WRAPPERS[wrapper].format(head + text).encode())
        assert (found and (found.cause, found.effect), head) == (meant, head)


@pytest.mark.parametrize("line", LOOK_ALIKES)
def test_a_look_alike_says_nothing(line):
    for wrapper, head in itertools.product(WRAPPERS.values(), ("", "[rank3]: ", "2025-03-04 09:00:01,123 INFO ")):
        assert ending_of(wrapper.format(head + line).encode()) is None


@pytest.mark.parametrize("line", PARAPHRASES)
def test_a_death_in_words_of_its_own_is_in_no_list(line):
    assert ending_of(line.encode()) is None


@pytest.mark.parametrize(
    ("line", "picked"),
    [
        (
            "[rank2]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 1 has a total",
            {"rank": 2, "gpu": 1, "asked_bytes": 2 << 30},
        ),
        ("Allocator (GPU_0_bfc) ran out of memory trying to allocate 256.00MiB", {"gpu": 0, "asked_bytes": 256 << 20}),
        ("E0302 x.py:874] failed (exitcode: -6) local_rank: 3 (pid: 33054)", {"rank": 3, "signal": 6, "pid": 33054}),
        ("  exitcode  : -9 (pid: 33054)", {"exit_code": -9, "signal": 9, "pid": 33054, "rank": None}),
        ("command terminated with exit code 137", {"exit_code": 137, "signal": 9}),
        ("srun: error: node-a: task 3: Exited with exit code 1", {"rank": 3, "exit_code": 1, "host": "node-a"}),
        ("srun: error: node-a: tasks 0-3: Exited with exit code 1", {"rank": None, "exit_code": 1, "signal": None}),
        ("3: Killed", {"rank": 3}),
        ("[1,5]<stderr>:Segmentation fault (core dumped)", {"rank": 5}),
        ("RuntimeError: DataLoader worker (pid 7) is killed by signal: Bus error. It", {"pid": 7, "signal": 7}),
        ("[deepspeed] OVERFLOW! Rank 0 Skipping step. Attempted loss scale: 32, reducing to 16", {"scale": 16.0}),
        ("train.sh: line 12:  4711 Killed                  python train.py", {"pid": 4711}),
    ],
)
def test_what_a_text_tells_besides_is_picked_out(line, picked):
    found = ending_of(line.encode())
    assert picked == {name: getattr(found, name) for name in picked}


def test_the_text_begins_with_the_exception_that_tells_it():
    line = b"[rank2]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
    assert ending_of(line).text == "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."


def test_the_message_of_a_json_line_is_no_config_value():
    line = b'{"level": "error", "msg": "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"}'
    assert ending_of(line).cause is Cause.OUT_OF_MEMORY_GPU
    assert ending_of(b'{"log":"Killed\\n","stream":"stderr"}') is None  # an escaped line feed hides the end
    assert ending_of(b'{"log":"RuntimeError: shapes differ\\n","stream":"stderr"}').cause is Cause.PYTHON_ERROR


def test_a_line_of_another_encoding_or_of_a_megabyte_is_read():
    gbk = "训练中断".encode("gbk")
    assert ending_of(gbk + b" RuntimeError: CUDA error: device-side assert triggered").cause is Cause.CUDA_ERROR
    assert ending_of(b"x" * 1_000_000 + b" Killed") is None
    assert ending_of(b"") is None
    assert ending_of(b"\xff\x00\n") is None


def test_the_cause_of_several_texts_is_the_first_of_the_strongest():
    said = [
        "Traceback (most recent call last):",
        "torch.distributed.DistBackendError: NCCL error in: ../x.cpp:1970, remote process exited",
        "[rank1]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
        "[rank2]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
        "  exitcode  : 1 (pid: 33054)",
        "srun: error: node-a: task 1: Exited with exit code 1",
    ]
    found = leading(filter(None, (ending_of(line.encode()) for line in said)))
    assert (found.cause, found.rank) == (Cause.OUT_OF_MEMORY_GPU, 1)
    assert leading([]) is None


def test_a_block_says_what_its_lines_say():
    rng = random.Random(7)
    ordinary = [f"step {n} loss={2 - n / 1000:.4f} lr=0.001" for n in range(300)]
    lines = ordinary + list(DEATHS) + list(OTHERS) + list(LOOK_ALIKES)
    rng.shuffle(lines)
    block = "\n".join(lines).encode()
    expected: list[tuple[int, Ending]] = []
    at = 0
    for line in lines:
        if found := ending_of(line.encode()):
            expected.append((at, found))
        at += len(line.encode()) + 1
    assert expected == list(shipped_endings().find_all(block))
    assert expected == list(shipped_endings().find_all(block + b"\n"))
    assert list(shipped_endings().find_all(b"")) == []


def test_100_000_ordinary_lines_of_known_trainers_tell_of_no_end():
    atft = yaml.safe_load((resources.rules_dir() / "dialects/atft.yaml").read_text())
    marks = yaml.safe_load((resources.rules_dir() / "dialects/marks.yaml").read_text())
    samples = [sample["line"] for line in atft["lines"] for sample in line["samples"]]
    samples += [sample for each in marks["dialects"] for mark in each["marks"] for sample in mark["samples"]]
    samples += [line for log in LOGS for line in log.text.splitlines()]
    closing = {line for line in samples if (found := ending_of(line.encode())) and found.effect is Effect.END_OK}
    assert len(closing) < len(samples) / 10
    samples = [line for line in samples if line not in closing]
    rng = random.Random(3)
    digits = str.maketrans("0123456789", "".join(rng.sample("0123456789", 10)))
    lines = [rng.choice(samples).translate(digits if n % 2 else {}) for n in range(100_000)]
    assert list(shipped_endings().find_all("\n".join(lines).encode())) == []


def test_every_cause_and_effect_has_a_text():
    texts = shipped_ending_texts()
    assert set(Cause) == {text.cause for text in texts}
    assert set(Effect) == {text.effect for text in texts}


def test_causes_end_in_the_words_of_the_check_command():
    words = {"completed", "failed", "killed", "cancelled", "time_limit", "stopped", "running"}
    assert {cause.ended for cause in Cause} <= words


def test_every_sample_of_a_file_is_found_among_all_texts_with_a_cause_at_least_as_strong():
    for text in shipped_ending_texts():
        for sample in text.samples:
            found = ending_of(sample.line.encode())
            assert found is not None, sample.line
            assert found.cause.strength >= text.cause.strength, (sample.line, found.name)


def test_no_refused_line_is_found_with_the_same_cause():
    for text in shipped_ending_texts():
        for line in text.refuses:
            found = ending_of(line.encode())
            assert found is None or found.cause is not text.cause, (line, found)
