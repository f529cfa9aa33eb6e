"""The small DDFS that a case offers: what it answers, and what it finds wrong with a tag."""

from __future__ import annotations

import base64
import http.client
import json

import pytest

from disco_conformance.play.ddfs import BlobService, Refused
from disco_conformance.play.web import FileServer
from disco_conformance.session.model import Ddfs, SessionError
from disco_conformance.session.parse import parse

HOSTS = ("one", "two")
HEAD = '+++\nid = "a/b"\ntitle = "t"\nproves = ["hs.order"]\n'


def ask(
    service: BlobService, method: str, url: str, body: bytes = b"", host: str = "one:1", token: str = ""
) -> tuple[int, bytes]:
    headers = {"Host": host}
    if token:
        headers["Authorization"] = "Basic " + base64.b64encode(f"token:{token}".encode()).decode()
    return service.answer(method, url, headers, body)


def store(service: BlobService, name: str, data: bytes) -> list[str]:
    """The URLs of the replicas."""
    status, targets = ask(service, "GET", f"/ddfs/new_blob/{name}")
    assert status == 200
    urls = []
    for target in json.loads(targets):
        _, _, rest = target.partition("://")
        host, _, path = rest.partition("/")
        status, url = ask(service, "PUT", f"/{path}", data, host)
        assert status == 201
        urls.append(json.loads(url))
    return urls


def tag(service: BlobService, urls: object, query: str = "", token: str = "", method: str = "POST") -> int:
    return ask(service, method, f"/ddfs/tag/t{query}", json.dumps(urls).encode(), token=token)[0]


def test_a_blob_and_its_tag() -> None:
    service = BlobService(Ddfs(replicas=2), HOSTS)
    urls = store(service, "b", b"data")
    assert [url.split("/")[2] for url in urls] == ["one", "two"]
    assert tag(service, [urls]) == 201
    assert service.content("t") == b"data"
    status, found = ask(service, "GET", "/ddfs/tag/t")
    assert (status, json.loads(found)["urls"]) == (200, [urls])


def test_update_leaves_out_what_is_there_and_put_replaces() -> None:
    service = BlobService(Ddfs(earlier="before "), HOSTS)
    first, again, other = (store(service, name, b"x") for name in ("b", "b", "c"))
    assert [tag(service, [first]), tag(service, [again], "?update=1"), tag(service, [other])] == [201] * 3
    assert service.content("t") == b"before xx"
    assert tag(service, [other], method="PUT") == 201
    assert service.content("t") == b"x"


def test_nodes_that_refuse_and_are_left_out() -> None:
    service = BlobService(Ddfs(broken=("one",)), HOSTS)
    _, targets = ask(service, "GET", "/ddfs/new_blob/b")
    assert ask(service, "PUT", "/put/b$1", b"x", "one:1")[0] == 500
    assert json.loads(targets) == ["http://one:1/put/b$1"]
    _, targets = ask(service, "GET", "/ddfs/new_blob/b?exclude=one")
    assert json.loads(targets) == ["http://two:1/put/b$2"]
    assert ask(service, "GET", "/ddfs/new_blob/b?exclude=one,two")[0] == 403
    assert ask(service, "GET", "/ddfs/new_blob/b?replicas=3")[0] == 403
    assert ask(service, "GET", "/ddfs/new_blob/no%20name")[0] == 403


def test_tokens() -> None:
    service = BlobService(Ddfs(token="secret:word"), HOSTS)
    urls = store(service, "b", b"x")
    assert [tag(service, [urls], token=token) for token in ("", "other", "secret:word")] == [401, 401, 201]
    assert service.answer("POST", "/ddfs/tag/t", {"Authorization": "Basic !"}, b"[]")[0] == 401


def test_a_busy_service_and_a_refused_tag() -> None:
    service = BlobService(Ddfs(busy=2, tag_status=500), HOSTS)
    assert [ask(service, "GET", "/ddfs/new_blob/b")[0] for _ in range(3)] == [503, 503, 200]
    assert tag(service, [["disco://one/x"]]) == 500


@pytest.mark.parametrize("urls", [[], "text", [[]], [[1]], ["disco://one/b"]])
def test_what_is_no_list_of_replica_sets_is_refused_or_adds_nothing(urls: object) -> None:
    service = BlobService(Ddfs(), HOSTS)
    assert tag(service, urls) == (201 if urls == [] else 403)
    with pytest.raises(Refused, match="nothing was added"):
        service.content("t")


def test_a_tag_of_what_was_never_stored() -> None:
    service = BlobService(Ddfs(), HOSTS)
    tag(service, [["http://one:1/put/b$1"]])
    with pytest.raises(Refused, match="no blob that was stored"):
        service.content("t")


def test_replicas_that_differ_or_are_too_few() -> None:
    service = BlobService(Ddfs(replicas=2), HOSTS)
    urls = store(service, "b", b"x")
    tag(service, [urls[:1]])
    with pytest.raises(Refused, match="the master named 2"):
        service.content("t")
    ask(service, "PUT", "/put/b$1", b"y", "two:1")
    tag(service, [urls], method="PUT")
    with pytest.raises(Refused, match="differ"):
        service.content("t")


def test_the_size_is_compared() -> None:
    service = BlobService(Ddfs(size_bytes=2), HOSTS)
    tag(service, [store(service, "b", b"xyz")])
    with pytest.raises(Refused, match="have 3 bytes, not 2"):
        service.content("t")


def test_a_body_in_chunks_arrives_whole() -> None:
    service = BlobService(Ddfs(), ("127.0.0.1",))
    server = FileServer(service)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("PUT", "/put/b$1", iter([b"a" * 70_000, b"b"]), encode_chunked=True)
        url = json.loads(connection.getresponse().read())
        connection.request("GET", "/nowhere")
        assert connection.getresponse().status == 404
        connection.close()
    finally:
        server.close()
    tag(service, [[url]])
    assert service.content("t") == b"a" * 70_000 + b"b"


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ("[ddfs]\nspeed = 1\n", "ddfs has the unknown key 'speed'"),
        ("[ddfs]\nreplicas = 0\n", "ddfs.replicas"),
        ('[ddfs]\nbroken = "one"\n', "ddfs.broken must be a list"),
        ('home = "a/b"\n', "home is 'a/b'"),
        ("memory_bytes = 0\n", "memory_bytes"),
        ('[[inputs]]\nid = 0\nreplicas = ["raw://"]\ntimes = 10001\n', "at most 10000"),
        ("[limits]\nthreads = 1\n", "limits is 'threads'"),
    ],
)
def test_surroundings_are_checked(head: str, reason: str) -> None:
    with pytest.raises(SessionError, match=reason):
        parse(HEAD + head + "+++\nW serve inputs\nexit 0\n")


def test_an_input_many_times() -> None:
    head = '[[inputs]]\nid = 4\nreplicas = ["raw://"]\ntimes = 3\n'
    (session,) = parse(HEAD + head + "+++\nW serve inputs\nexit 0\n")
    assert [item.id for item in session.head.inputs] == [4, 5, 6]
