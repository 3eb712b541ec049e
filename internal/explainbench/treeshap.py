#!/usr/bin/python3
"""Explain bad minutes with XGBoost and exact TreeSHAP, to compare with.

treeshap.py TRAIN.csv BAD.csv OUT.csv DEPTH ROUNDS

TRAIN.csv has a column for each feature and then for each target, in ms or units of its
threshold, nan where unknown. BAD.csv has the features, then target (its number),
observed, unit (what makes it units of the threshold), suffer (the share of other legs
that are bad). OUT.csv gets bucket and the two features most to blame, row for row; the
rule is that of internal/explain. The last line on standard output is JSON with timings.
"""
import csv
import json
import sys
import time

import numpy as np
import xgboost as xgb

BUCKETS = ["client", "wireless", "site_wan"]


def table(path):
    with open(path, newline="") as f:
        head = next(csv.reader(f))
    return head, np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.float32, ndmin=2)


def main():
    train_path, bad_path, out_path, depth, rounds = sys.argv[1:6]
    head, train = table(train_path)
    bad_head, bad = table(bad_path)
    n = head.index("target_0")
    features = head[:n]
    names = [f.split(":")[1] for f in features]
    buckets = np.array([BUCKETS.index(f.split(":")[0]) for f in features])
    x, y = train[:, :n], train[:, n:]
    queries, rest = bad[:, :n], bad[:, n:]
    target, observed, unit, suffer = rest[:, 0].astype(int), rest[:, 1], rest[:, 2], rest[:, 3]

    contributions = np.zeros((len(bad), n + 1), dtype=np.float64)
    trained = explained = 0.0
    errors = []
    for t in range(y.shape[1]):
        rows = np.flatnonzero(target == t)
        seen = ~np.isnan(y[:, t])
        if len(rows) == 0 or not seen.any():
            continue
        start = time.process_time()
        model = xgb.train(
            {"max_depth": int(depth), "eta": 0.1 if int(depth) > 1 else 0.3, "tree_method": "hist", "nthread": 1,
             "objective": "reg:squarederror", "seed": 1, "min_child_weight": 5},
            xgb.DMatrix(x[seen], label=y[seen, t]), int(rounds))
        trained += time.process_time() - start
        query = xgb.DMatrix(queries[rows])
        start = time.process_time()
        contributions[rows] = model.predict(query, pred_contribs=True)
        explained += time.process_time() - start
        errors.append(np.abs(contributions[rows].sum(axis=1) - observed[rows]) / unit[rows])

    with open(out_path, "w", newline="") as f:
        out = csv.writer(f)
        for i, parts in enumerate(contributions):
            scores = [parts[:n][buckets == b].sum() / unit[i] for b in range(3)]
            left = (observed[i] - parts.sum()) / unit[i]
            scores.append(left * suffer[i])
            best = int(np.argmax(scores))
            bucket = (BUCKETS + ["far_end"])[best]
            if scores[best] < 0.1 or (best < 3 and scores[best] < 0.15 * left):
                bucket = "unknown"
            top = np.argsort(-parts[:n], kind="stable")[:2]
            out.writerow([bucket] + [names[k] for k in top])
    print(json.dumps({"train_seconds": trained, "explain_seconds": explained, "rows": len(bad),
                      "mae": float(np.concatenate(errors).mean())}))


main()
