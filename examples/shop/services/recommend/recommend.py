"""Recommends what other customers bought together with an item, over HTTP."""

import argparse
import json
import signal
import sys
import threading
import urllib.request
from collections import Counter
from pathlib import Path

import bottle
import waitress

BASKETS = Path(__file__).with_name("baskets.json")


def bought_together(baskets, sku, limit=3):
    """The items most often found in a basket with `sku`, most frequent first."""
    counts = Counter(
        other for basket in baskets if sku in basket for other in basket if other != sku
    )
    # Ties are broken by name, so that two replicas give the same answer.
    return sorted(counts, key=lambda item: (-counts[item], item))[:limit]


def make_app(baskets):
    app = bottle.Bottle()
    known = {sku for basket in baskets for sku in basket}

    @app.get("/healthz")
    def health():
        return {"status": "ok"}

    @app.get("/recommend/<sku>")
    def recommend(sku):
        if sku not in known:
            bottle.response.status = 404
            return {"error": "there is no such item"}
        return {"sku": sku, "recommended": bought_together(baskets, sku)}

    return app


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return json.load(answer)


def self_test(app):
    """Serves on a free port and asks itself, as a client would."""
    server = waitress.create_server(app, host="127.0.0.1", port=0)
    threading.Thread(target=server.run, daemon=True).start()
    assert get(server.effective_port, "/healthz") == {"status": "ok"}
    answer = get(server.effective_port, "/recommend/mug")
    assert answer["recommended"][0] == "tea", answer
    print("self-test passed")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--self-test", action="store_true", help="ask itself once and exit")
    parser.add_argument("--health", action="store_true", help="ask the running service and exit")
    options = parser.parse_args()
    if options.health:
        return 0 if get(options.port, "/healthz")["status"] == "ok" else 1
    app = make_app(json.loads(BASKETS.read_text(encoding="utf-8")))
    if options.self_test:
        self_test(app)
    else:
        # As process 1 of a container the default action would be to ignore it.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        print(f"recommend serves on port {options.port}", flush=True)
        waitress.serve(app, host="0.0.0.0", port=options.port, threads=4, _quiet=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
