"""The other side of peers.py: Hugging Face's transformers on PyTorch.

Run by the peers' own Python, in which nothing of this repository can be imported. It is
what a careful user would write: examples grouped by length as Trainer's sampler does it
(group_by_length), padded to the longest of their batch, the fused AdamW, dropout on, no
gradients in prediction; in bfloat16 autocast for training and the weights themselves
for prediction. Each command prints one JSON line.

    peer_pytorch.py train REQUEST      [examples a second, peak memory in MB]
    peer_pytorch.py predict REQUEST    [pieces a second, peak memory in MB]
    peer_pytorch.py entities FOLDER TEXT RESULT    passages, a line each → JSON lines

REQUEST is a JSON file: features (an .npz of peer_suite.py), config, task, labels,
batch_size, warm_up, steps, pieces (of a prediction's batch), dtype (float32 or
bfloat16) and threads.
"""

import json
import re
import sys
import time

import numpy as np
import torch
import transformers

CLASSES = {
    "ner": transformers.BertForTokenClassification,
    "re": transformers.BertForSequenceClassification,
    "qa": transformers.BertForQuestionAnswering,
}
# Batches whose examples Trainer sorts by length among each other.
MEGA_BATCH = 50
PEAK_RATE = 5e-5
# What PyTorch's cross entropy takes for no label.
NOT_COUNTED = -100


def memory():
    """Return the process's peak of resident memory in MB.

    getrusage would give that of the process which started it, if that is more.
    """
    with open("/proc/self/status", encoding="utf-8") as stream:
        return int(re.search(r"VmHWM:\s*(\d+) kB", stream.read()).group(1)) / 1024


def model_of(request):
    """Make the model with random weights: speed does not depend on them."""
    torch.manual_seed(1)
    torch.set_num_threads(request["threads"])
    config = transformers.BertConfig(**request["config"], num_labels=request["labels"])
    return CLASSES[request["task"]](config)


def batch_of(features, lengths, rows):
    """Pad examples to the longest among them."""
    longest = int(lengths[rows].max())
    mask = (np.arange(longest)[None, :] < lengths[rows][:, None]).astype(np.int64)
    batch = {"attention_mask": torch.from_numpy(mask)}
    for name, values in features.items():
        chosen = values[rows]
        if chosen.ndim == 2:
            chosen = chosen[:, :longest]
        chosen = chosen.astype(np.int64)
        if name == "labels" and chosen.ndim == 2:
            chosen = np.where(mask, chosen, NOT_COUNTED)
        batch[name] = torch.from_numpy(chosen)
    return batch


def grouped(lengths, batch_size, random):
    """Yield the rows of batches without end, similar lengths together."""
    while True:
        order = random.permutation(len(lengths))
        for start in range(0, len(order), batch_size * MEGA_BATCH):
            group = order[start : start + batch_size * MEGA_BATCH]
            group = group[np.argsort(-lengths[group], kind="stable")]
            batches = [
                group[i : i + batch_size] for i in range(0, len(group), batch_size)
            ]
            for i in random.permutation(len(batches)):
                if len(batches[i]) == batch_size:
                    yield batches[i]


def loaded(request):
    """Read the features; return them, and the lengths of the examples."""
    with np.load(request["features"]) as arrays:
        features = {name: arrays[name] for name in arrays.files}
    return features, features.pop("lengths")


def train(request):
    """Train some steps, and time those after the first few."""
    model = model_of(request).train()
    features, lengths = loaded(request)
    decayed = [p for n, p in model.named_parameters() if not is_exempt(n)]
    others = [p for n, p in model.named_parameters() if is_exempt(n)]
    groups = [
        {"params": decayed, "weight_decay": 0.01},
        {"params": others, "weight_decay": 0.0},
    ]
    try:
        optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE, fused=True)
    except (RuntimeError, TypeError):  # before 2.4 only on a GPU
        optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE)
    total = request["warm_up"] + request["steps"]
    schedule = transformers.get_linear_schedule_with_warmup(
        optimizer, total // 10, total
    )
    in_half = request["dtype"] == "bfloat16"
    batches = grouped(lengths, request["batch_size"], np.random.RandomState(1))
    started = None
    for step in range(total):
        if step == request["warm_up"]:
            started = time.perf_counter()
        batch = batch_of(features, lengths, next(batches))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=in_half):
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    seconds = time.perf_counter() - started
    return [request["steps"] * request["batch_size"] / seconds, memory()]


def is_exempt(name):
    """Whether BERT's weight decay leaves a parameter out."""
    return name.endswith("bias") or "LayerNorm" in name


def predict(request):
    """Predict all examples twice, sorted by length, and time the second time."""
    model = model_of(request).eval()
    if request["dtype"] == "bfloat16":
        model = model.to(torch.bfloat16)
    features, lengths = loaded(request)
    features = {
        n: v for n, v in features.items() if n in ("input_ids", "token_type_ids")
    }
    order = np.argsort(lengths, kind="stable")[::-1]
    batches, start = [], 0
    while start < len(order):
        count = max(request["pieces"] // int(lengths[order[start]]), 1)
        batches.append(order[start : start + count])
        start += count
    for _ in range(2):
        started = time.perf_counter()
        with torch.inference_mode():
            for rows in batches:
                output = model(**batch_of(features, lengths, rows))
                [values.float().numpy() for values in output.values()]
        seconds = time.perf_counter() - started
    return [float(lengths.sum()) / seconds, memory()]


def entities(folder, text, result):
    """Find the entities of passages by transformers' pipeline, and write them."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForTokenClassification.from_pretrained(folder)
    find = transformers.pipeline(
        "token-classification",
        model=model,
        tokenizer=tokenizer,
        aggregation_strategy="first",
        stride=32,
        batch_size=8,
    )
    with open(text, encoding="utf-8") as stream:
        passages = [line.strip() for line in stream if line.strip()]
    with open(result, "w", encoding="utf-8") as stream:
        for found in find(passages):
            kept = [dict(one, score=float(one["score"])) for one in found]
            stream.write(json.dumps(kept) + "\n")


def main(argv):
    """Run one of the commands."""
    command, *arguments = argv
    if command == "entities":
        entities(*arguments)
        print(json.dumps([memory()]))
        return
    with open(arguments[0], encoding="utf-8") as stream:
        request = json.load(stream)
    print(json.dumps({"train": train, "predict": predict}[command](request)))


if __name__ == "__main__":
    main(sys.argv[1:])
