import time

from finetuning.command_line import log

PROGRESS_SECONDS = 10.0


def report_predictions(batches, total=None):
    """See report_progress; batches are dicts with `row`, see records.batch_of."""
    return report_progress("predicted", batches, total, lambda batch: len(batch["row"]))


def report_progress(what, parts, total=None, size_of=lambda part: 1):
    """Passes parts of a long work on, and logs progress about every ten seconds.

    Args:
      what: is done with the examples, "predicted".
      parts: iterable.
      total: number of examples in all of them; None when it is not known.
      size_of: function of a part → number of examples in it.
    """
    started = reported = time.time()
    done = 0
    for part in parts:
        yield part
        done += size_of(part)
        now = time.time()
        if now - reported >= PROGRESS_SECONDS and done != total:
            _log_progress(what, done, total, done / (now - started))
            reported = now


def _log_progress(what, done, total, speed):
    if total is None:
        log.info("%s %s, %.0f examples/s", what, f"{done:,}", speed)
        return
    log.info(
        "%s %s of %s (%d %%), %.0f examples/s, %s left",
        what,
        f"{done:,}",
        f"{total:,}",
        100 * done // total,
        speed,
        duration((total - done) / speed),
    )


def duration(seconds):
    """Seconds as a person says them: 75.3 → "1 min 15 s"."""
    seconds = int(round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
