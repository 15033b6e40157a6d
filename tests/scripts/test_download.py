"""download.sh against a local server: whole, cut, garbled, hostile, silent."""

import gzip
import hashlib
import http.server
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import threading

import pytest

from kit.paths import ROOT

SCRIPT = str(ROOT / "download.sh")
# Random bytes do not compress, so that the archive has a size worth cutting.
CORPUS = os.urandom(300000)

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl is missing")


def pack(*members):
    """The bytes of a .tar.gz with the data sets, then these members."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        corpus = tarfile.TarInfo("datasets/NER/NCBI-disease/test.tsv")
        corpus.size = len(CORPUS)
        archive.addfile(corpus, io.BytesIO(CORPUS))
        for name, kind, link in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            member.linkname = link
            archive.addfile(member)
    return packed.getvalue()


class Handler(http.server.BaseHTTPRequestHandler):
    """Sends server.content, as server.manner says."""

    def do_GET(self):
        server = self.server
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked.group(1)) if asked and server.manner != "no ranges" else 0
        server.starts.append(start)
        if server.manner == "gone":
            return self.send_error(404)
        if start and start >= len(server.content):
            return self.send_error(416)
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            end = len(server.content)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
        if server.manner != "no length":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if server.manner == "breaks once" and len(server.starts) == 1:
            body = body[: len(body) // 2]
        if server.manner == "breaks always":
            body = body[: 1000 - start]
        if server.manner == "no length":
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        content = pack()
        manner = "whole"

        def handle_error(self, *_):  # a client that does not speak HTTP, or leaves
            pass

    running = Server(("127.0.0.1", 0), Handler)
    running.starts = []  # the byte from which each request asked
    running.address = f"127.0.0.1:{running.server_port}/datasets.tar.gz"
    running.url = f"http://{running.address}"
    thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join(10)


def download(folder, *arguments, **variables):
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("BIOBERT_") and not name.lower().endswith("_proxy")
    }
    environment.update(variables)
    return subprocess.run(
        [SCRIPT] + list(arguments),
        cwd=str(folder),
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def check_data(folder):
    with open(str(folder / "NER" / "NCBI-disease" / "test.tsv"), "rb") as stream:
        assert stream.read() == CORPUS


def check_refusal(finished, *words):
    """Status 2; the last line says why."""
    assert finished.returncode == 2, finished.stderr
    line = finished.stderr.splitlines()[-1]
    assert "error: " in line
    for word in words:
        assert word in line


def test_the_data_sets_come_into_datasets(tmp_path, server):
    finished = download(tmp_path, BIOBERT_URL_DATASETS=server.url)
    assert finished.returncode == 0, finished.stderr
    check_data(tmp_path / "datasets")
    assert os.listdir(str(tmp_path)) == ["datasets"]


def test_BIOBERT_DATA_says_where_they_go(tmp_path, server):
    target = tmp_path / "my data" / "biobert"
    target.mkdir(parents=True)  # as a user may have done
    finished = download(
        tmp_path, BIOBERT_URL_DATASETS=server.url, BIOBERT_DATA=f"{target}/"
    )
    assert finished.returncode == 0, finished.stderr
    check_data(target)
    assert os.listdir(str(tmp_path)) == ["my data"]


def test_one_archive_of_data_sets_comes_below_datasets(tmp_path, server):
    finished = download(tmp_path, "NERdata", BIOBERT_URL_NERDATA=server.url)
    assert finished.returncode == 0, finished.stderr
    check_data(tmp_path / "datasets" / "NERdata")


def test_weights_come_into_a_folder_of_their_name(tmp_path, server):
    finished = download(
        tmp_path,
        "weights",
        "biobert_v1.1_pubmed",
        BIOBERT_URL_V1_1_PUBMED=server.url,
    )
    assert finished.returncode == 0, finished.stderr
    assert os.listdir(str(tmp_path)) == ["biobert_v1.1_pubmed"]
    assert "export BIOBERT_DIR=./biobert_v1.1_pubmed" in finished.stderr


def test_data_that_are_there_are_kept_without_asking_the_server(tmp_path, server):
    mine = tmp_path / "datasets" / "mine.tsv"
    mine.parent.mkdir()
    mine.write_text("kept")
    finished = download(tmp_path, BIOBERT_URL_DATASETS=server.url)
    assert finished.returncode == 0
    assert "already there and was kept" in finished.stderr
    assert mine.read_text() == "kept"
    assert server.starts == []


def test_an_archive_fetched_by_hand_is_used_and_kept(tmp_path, server):
    (tmp_path / "datasets.tar.gz").write_bytes(server.content)
    finished = download(tmp_path, BIOBERT_URL_DATASETS=server.url)
    assert finished.returncode == 0, finished.stderr
    check_data(tmp_path / "datasets")
    assert server.starts == []
    assert (tmp_path / "datasets.tar.gz").exists()


def test_a_partial_file_is_gone_on_with(tmp_path, server):
    (tmp_path / "datasets.tar.gz.part").write_bytes(server.content[:1234])
    finished = download(tmp_path, BIOBERT_URL_DATASETS=server.url)
    assert finished.returncode == 0, finished.stderr
    check_data(tmp_path / "datasets")
    assert server.starts == [1234]


def test_a_partial_file_that_is_whole_is_used(tmp_path, server):
    (tmp_path / "datasets.tar.gz.part").write_bytes(server.content)
    finished = download(tmp_path, BIOBERT_URL_DATASETS=server.url)
    assert finished.returncode == 0, finished.stderr
    check_data(tmp_path / "datasets")


def test_a_server_that_cannot_go_on_in_the_middle_sends_all_again(tmp_path, server):
    server.manner = "no ranges"
    (tmp_path / "datasets.tar.gz.part").write_bytes(server.content[:1234])
    finished = download(tmp_path, BIOBERT_URL_DATASETS=server.url)
    assert finished.returncode == 0, finished.stderr
    check_data(tmp_path / "datasets")


def test_a_connection_that_breaks_is_taken_up_again(tmp_path, server):
    server.manner = "breaks once"
    finished = download(tmp_path, BIOBERT_URL_DATASETS=server.url)
    assert finished.returncode == 0, finished.stderr
    check_data(tmp_path / "datasets")
    assert server.starts == [0, len(server.content) // 2]


def test_a_truncated_archive_is_never_unpacked(tmp_path, server):
    server.manner = "breaks always"
    finished = download(tmp_path, BIOBERT_URL_DATASETS=server.url)
    check_refusal(finished, "breaks off", "run this again")
    assert os.listdir(str(tmp_path)) == ["datasets.tar.gz.part"]
    server.manner = "whole"
    assert download(tmp_path, BIOBERT_URL_DATASETS=server.url).returncode == 0
    check_data(tmp_path / "datasets")


def test_a_truncation_that_the_server_hides_is_noticed(tmp_path, server):
    server.manner = "no length"
    finished = download(tmp_path, BIOBERT_URL_DATASETS=server.url)
    check_refusal(finished, "datasets.tar.gz", "cut off or damaged")
    assert not (tmp_path / "datasets").exists()


def test_a_tampered_archive_fails_its_checksum(tmp_path, server):
    digest = hashlib.sha256(server.content).hexdigest()
    server.content = gzip.compress(gzip.decompress(server.content) + b"more")
    settings = {"BIOBERT_URL_DATASETS": server.url, "BIOBERT_SHA256_DATASETS": digest}
    finished = download(tmp_path, **settings)
    check_refusal(finished, "sha256", digest, "remove it and fetch it again")
    assert not (tmp_path / "datasets").exists()
    # Nor is it used the next time.
    check_refusal(download(tmp_path, **settings), digest)
    (tmp_path / "datasets.tar.gz").unlink()
    server.content = pack()
    settings["BIOBERT_SHA256_DATASETS"] = hashlib.sha256(server.content).hexdigest()
    assert download(tmp_path, **settings).returncode == 0


@pytest.mark.parametrize(
    "name, kind, link",
    [
        ("../evil", tarfile.REGTYPE, ""),
        ("/tmp/biobert-evil", tarfile.REGTYPE, ""),
        ("datasets/evil", tarfile.SYMTYPE, "/etc"),
        ("datasets/evil", tarfile.SYMTYPE, "../../.."),
        ("datasets/evil", tarfile.LNKTYPE, "/etc/passwd"),
        ("datasets/evil", tarfile.LNKTYPE, "../../etc/passwd"),
        ("datasets/evil", tarfile.CHRTYPE, ""),
    ],
)
def test_a_malicious_archive_is_refused_whole(tmp_path, server, name, kind, link):
    server.content = pack((name, kind, link))
    work = tmp_path / "work"
    work.mkdir()
    finished = download(work, BIOBERT_URL_DATASETS=server.url)
    check_refusal(finished, repr(name), "nothing was unpacked")
    assert os.listdir(str(work)) == ["datasets.tar.gz"]
    assert os.listdir(str(tmp_path)) == ["work"]
    assert not os.path.exists("/tmp/biobert-evil")


def test_a_page_instead_of_an_archive_is_refused(tmp_path, server):
    server.content = b"<html>we have moved</html>"
    finished = download(tmp_path, BIOBERT_URL_DATASETS=server.url)
    check_refusal(finished, "no .tar.gz or .zip archive")


def test_a_file_that_is_gone_is_told_apart_from_a_silent_server(tmp_path, server):
    server.manner = "gone"
    finished = download(tmp_path, BIOBERT_URL_DATASETS=server.url)
    check_refusal(finished, "HTTP 404", "BIOBERT_URL_DATASETS")
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize("scheme", ["http://", "https://", ""])
def test_a_server_that_does_not_answer_is_said_plainly(tmp_path, scheme):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, but nobody listens
        place = f"{scheme}127.0.0.1:{closed.getsockname()[1]}/weights.tar.gz"
        finished = download(
            tmp_path, "weights", "biobert_v1.0_pmc", BIOBERT_URL_V1_0_PMC=place
        )
    check_refusal(
        finished,
        "127.0.0.1:",
        "does not answer",
        "set BIOBERT_URL_V1_0_PMC to another place",
        "at ./biobert_v1.0_pmc.tar.gz yourself",
    )
    assert os.listdir(str(tmp_path)) == []


def test_plain_http_is_taken_only_where_https_is_not_offered(tmp_path, server):
    finished = download(tmp_path, BIOBERT_URL_DATASETS=server.address)
    assert finished.returncode == 0, finished.stderr
    assert "offers no HTTPS" in finished.stderr
    check_data(tmp_path / "datasets")
    insisting = tmp_path / "insisting"
    insisting.mkdir()
    refused = download(insisting, BIOBERT_URL_DATASETS=f"https://{server.address}")
    check_refusal(refused)
    assert os.listdir(str(insisting)) == []


def test_https_is_tried_first(tmp_path):
    """A curl that only notes what it is asked for stands in for a real certificate."""
    fake = tmp_path / "bin" / "curl"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\nexit 60\n')
    fake.chmod(0o755)
    path = f"{fake.parent}{os.pathsep}{os.environ['PATH']}"
    check_refusal(download(tmp_path, PATH=path), "no valid certificate")
    asked = (tmp_path / "asked").read_text().split()
    assert any(word.startswith("https://") for word in asked)
    assert not any(word.startswith("http://") for word in asked)


def test_a_missing_curl_is_named(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "awk", "cat", "dirname", "grep", "ls", "tr"):
        (tools / tool).symlink_to(shutil.which(tool))
    (tools / "python3").symlink_to(sys.executable)
    finished = download(tmp_path, PATH=str(tools))
    check_refusal(finished, "curl is missing", "./datasets.tar.gz")


def test_the_list_names_everything_and_where_it_is_from(tmp_path):
    finished = download(tmp_path, "--list", BIOBERT_URL_QA="https://example.org/QA")
    assert finished.returncode == 0
    for name in ("datasets", "NERdata", "biobert_v1.1_pubmed", "biobert_v1.2"):
        assert name in finished.stdout
    assert "https://example.org/QA" in finished.stdout
    assert "$BIOBERT_URL_LARGE_V1_1_PUBMED" in finished.stdout


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["nonsense"], "no data sets are called 'nonsense'"),
        (["biobert_v1.1_pubmed"], "no data sets are called"),
        (["weights"], "which NAME"),
        (["weights", "datasets"], "no weights are called 'datasets'"),
        (["weights", "biobert_v1.2"], "convert_checkpoint.py"),
        (["weights", "biobert_v1.1_pubmed", "more"], "too much"),
    ],
)
def test_a_wrong_command_line_gets_one_line(tmp_path, arguments, words):
    finished = download(tmp_path, *arguments)
    check_refusal(finished, words)
    assert finished.stderr.count("\n") == 1
    assert os.listdir(str(tmp_path)) == []
