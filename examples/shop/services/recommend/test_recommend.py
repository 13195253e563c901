import io
import json
import unittest

import recommend

BASKETS = [["mug", "tea"], ["mug", "tea"], ["mug", "coffee"], ["bread", "butter"]]


def call(path):
    status = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SERVER_NAME": "test",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
    }
    body = recommend.make_app(BASKETS)(environ, lambda line, *_: status.append(line))
    return status[0], json.loads(b"".join(body))


class Recommend(unittest.TestCase):
    def test_most_frequent_first(self):
        self.assertEqual(recommend.bought_together(BASKETS, "mug"), ["tea", "coffee"])

    def test_limit(self):
        self.assertEqual(recommend.bought_together(BASKETS, "mug", limit=1), ["tea"])

    def test_served(self):
        status, body = call("/recommend/bread")
        self.assertEqual((status, body["recommended"]), ("200 OK", ["butter"]))

    def test_unknown_item(self):
        status, _ = call("/recommend/sofa")
        self.assertEqual(status, "404 Not Found")


if __name__ == "__main__":
    unittest.main()
