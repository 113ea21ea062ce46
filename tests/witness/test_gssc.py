"""The stand-in for the GNSS Science Support Centre, seen by clients and readers that are not ours."""

import gzip
import hashlib
import math
import os
import posixpath
import re
import shutil
import stat
import subprocess
import urllib.parse
from pathlib import Path

import georinex
import hatanaka
import numpy
import paramiko
import pytest
from gnssanalysis.gn_io import bia, clk, erp, ionex, sinex, sp3

ROOT = Path(__file__).resolve().parents[2]
DAY = "/gnss/data/daily/2023/001"
WEEK = "/gnss/products/2243"
BRUX = f"{DAY}/BRUX00BEL_R_20230010000_01D_30S_MO.crx.gz"
ORBITS = f"{WEEK}/ESA0OPSFIN_20230010000_01D_05M_ORB.SP3.gz"
WALKED = ["/gnss/data/daily/2023/001", "/gnss/data/highrate", "/gnss/products/2111", "/igs"]


class Archive:
    """A running stand-in and its three addresses."""

    def __init__(self, cache, *arguments):
        program = os.environ.get("GANTRY_GSSC_EXAMPLE")
        start = [program] if program else [
            "cargo", "run", "--quiet", "-p", "gantry-standin", "--example", "gssc", "--",
        ]
        self.process = subprocess.Popen(
            [*start, str(cache), *arguments],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.ftp, self.sftp, self.http = (
            self.process.stdout.readline().strip() for _ in range(3)
        )
        self.sftp_port = urllib.parse.urlsplit(self.sftp).port

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=20)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    running = Archive(tmp_path_factory.mktemp("cache"))
    yield running
    running.end()


def run(*command, **options):
    """What a program wrote; it must be there, succeed, and end in time."""
    assert shutil.which(command[0]), f"`{command[0]}` is not installed"
    done = subprocess.run(command, capture_output=True, timeout=300, **options)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def curl(*arguments):
    return run("curl", "-sS", "--fail", "--max-time", "120", *arguments)


def digests(folder):
    return {
        "/" + path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*")) if path.is_file()
    }


def sftp_session(archive):
    transport = paramiko.Transport(("127.0.0.1", archive.sftp_port))
    transport.connect(username="anonymous", password="")
    return paramiko.SFTPClient.from_transport(transport)


def walk_sftp(client, folder, target):
    for entry in client.listdir_attr(folder):
        path = posixpath.join(folder, entry.filename)
        if stat.S_ISDIR(entry.st_mode):
            walk_sftp(client, path, target)
            continue
        local = target / path.lstrip("/")
        local.parent.mkdir(parents=True, exist_ok=True)
        client.get(path, str(local))
        assert local.stat().st_size == entry.st_size


def walk_http(archive, folder, target):
    page = curl(f"{archive.http}{folder}/").decode()
    for link in re.findall(r'<a href="([^"]+)">', page):
        if link == "../":
            continue
        path = posixpath.join(folder, urllib.parse.unquote(link))
        if link.endswith("/"):
            walk_http(archive, path.rstrip("/"), target)
            continue
        local = target / path.lstrip("/")
        local.parent.mkdir(parents=True, exist_ok=True)
        local.write_bytes(curl(f"{archive.http}{path}"))


def test_the_tree_is_the_same_by_lftp_paramiko_and_http(archive, tmp_path):
    for folder in WALKED:
        place = tmp_path / "ftp" / folder.lstrip("/")
        place.mkdir(parents=True)
        run("lftp", "-e", f"set net:timeout 20; mirror --parallel=4 {folder} {place}; bye", archive.ftp)
        walk_http(archive, folder, tmp_path / "http")
        with sftp_session(archive) as client:
            walk_sftp(client, folder, tmp_path / "sftp")
    by_ftp = digests(tmp_path / "ftp")
    assert len(by_ftp) > 30
    assert by_ftp == digests(tmp_path / "sftp") == digests(tmp_path / "http")


def test_lftp_lists_names_sizes_and_dates(archive):
    listing = run("lftp", "-e", f"cls -l --time-style=%Y-%m-%d {DAY}/; bye", archive.ftp).decode()
    line = next(line for line in listing.splitlines() if line.endswith("01D_30S_MO.crx.gz")
                and "BRUX00BEL" in line)
    size = len(curl(archive.http + BRUX))
    assert str(size) in line.split() and "2023-01-02" in line


@pytest.mark.parametrize("mode", [["--ftp-pasv"], ["--disable-epsv"], ["--ftp-port", "127.0.0.1"]])
def test_curl_reads_ftp_passive_and_active(archive, mode):
    assert curl(*mode, archive.ftp + ORBITS) == curl(archive.http + ORBITS)


def test_curl_reads_sftp(archive):
    url = archive.sftp.replace("anonymous@", "")
    assert curl("-k", "-u", "anonymous:", url + ORBITS) == curl(archive.http + ORBITS)


def test_openssh_reads_sftp_with_any_key(archive, tmp_path):
    key = tmp_path / "key"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    batch = tmp_path / "batch"
    batch.write_text(f"ls -l {DAY}\nget {BRUX} {tmp_path}/brux\n")
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null",
               f"IdentityFile={key}", "IdentitiesOnly=yes"]
    settings = [part for option in options for part in ("-o", option)]
    listing = run("sftp", "-P", str(archive.sftp_port), *settings, "-b", str(batch),
                  "anonymous@127.0.0.1").decode()
    assert "brdc0010.23n.gz" in listing
    assert (tmp_path / "brux").read_bytes() == curl(archive.http + BRUX)


@pytest.mark.parametrize("way", ["ftp", "sftp", "http"])
def test_curl_goes_on_from_a_byte(archive, tmp_path, way):
    whole = curl(archive.http + ORBITS)
    url = getattr(archive, way).replace("anonymous@", "")
    part = tmp_path / "part"
    part.write_bytes(whole[:5000])
    login = ["-k", "-u", "anonymous:"] if way == "sftp" else []
    curl(*login, "-C", "-", "-o", str(part), url + ORBITS)
    assert part.read_bytes() == whole


def test_the_missing_day_is_an_error_by_every_way(archive):
    missing = "/gnss/data/daily/2023/017/"
    for url in [archive.ftp, archive.http]:
        done = subprocess.run(["curl", "-sS", "--fail", url + missing], capture_output=True)
        assert done.returncode in (9, 22)
    with sftp_session(archive) as client, pytest.raises(FileNotFoundError):
        client.listdir(missing)


def test_explicit_ftps(tmp_path):
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout", str(key), "-out", str(chain))
    running = Archive(tmp_path / "cache", "", str(chain), str(key))
    try:
        secured = curl("--ssl-reqd", "--cacert", str(chain), running.ftp + BRUX)
        assert secured == curl(running.ftp + BRUX)
    finally:
        running.end()


def test_hatanaka_reads_every_compact_file_and_the_pair_agrees(archive, tmp_path):
    mirror = tmp_path / "2023"
    mirror.mkdir()
    run("lftp", "-e", f"mirror -I '*d.Z' -I '*D.Z' -I '*o.Z' -I '*d.gz' -I '*.crx.gz' "
        f"/gnss/data/daily/2023 {mirror}; bye", archive.ftp)
    n_read = 0
    for path in mirror.rglob("*"):
        if path.is_file() and not path.name.endswith("o.Z"):
            assert b"END OF HEADER" in hatanaka.decompress(path.read_bytes())
            n_read += 1
    assert n_read > 240
    for day in ("001", "002"):
        compact = hatanaka.decompress((mirror / day / f"brux{day}0.23d.Z").read_bytes())
        assert run("uncompress", "-c", str(mirror / day / f"brux{day}0.23o.Z")) == compact
        long_name = f"BRUX00BEL_R_2023{day}0000_01D_30S_MO.crx.gz"
        packed = (mirror / day / long_name).read_bytes()
        ours = gzip.decompress(packed).decode().splitlines()
        official = hatanaka.rnx2crx(hatanaka.decompress(packed)).decode().splitlines()
        assert ours[2:] == official[2:], "but for the two lines that name the program"


def read_orbits(archive, tmp_path):
    path = tmp_path / "orbits.sp3"
    path.write_bytes(gzip.decompress(curl(archive.http + ORBITS)))
    return georinex.load(path)


def test_orbits_and_navigation_messages_agree(archive, tmp_path):
    orbits = read_orbits(archive, tmp_path)
    assert orbits.sizes["time"] == 288
    path = tmp_path / "BRDC00IGS_R_20230010000_01D_MN.rnx.gz"
    path.write_bytes(curl(f"{archive.http}{DAY}/{path.name}"))
    messages = georinex.load(path)
    moment = messages.time.values[3]
    n_compared = 0
    for name in messages.sv.values:
        message = messages.sel(sv=name, time=moment)
        there = kepler(message)
        expected = orbits.sel(sv=name, time=moment).position.values
        assert numpy.linalg.norm(there / 1000 - expected) < 1e-3, name
        n_compared += 1
    assert n_compared == 21


def kepler(message):
    """Where a satellite is at the reference time of its message, in metres, earth-fixed."""
    value = lambda name: float(message[name])
    a, e, mean = value("sqrtA") ** 2, value("Eccentricity"), value("M0")
    eccentric = mean
    for _ in range(20):
        eccentric = mean + e * math.sin(eccentric)
    truly = math.atan2(math.sqrt(1 - e * e) * math.sin(eccentric), math.cos(eccentric) - e)
    u, radius = truly + value("omega"), a * (1 - e * math.cos(eccentric))
    node = value("Omega0") - 7.2921151467e-5 * value("Toe")
    i = value("Io")
    x, y = radius * math.cos(u), radius * math.sin(u)
    return numpy.array([
        x * math.cos(node) - y * math.cos(i) * math.sin(node),
        x * math.sin(node) + y * math.cos(i) * math.cos(node),
        y * math.sin(i),
    ])


def test_pseudoranges_agree_with_the_orbits(archive, tmp_path):
    orbits = read_orbits(archive, tmp_path)
    path = tmp_path / "brux.rnx"
    path.write_bytes(hatanaka.decompress(curl(archive.http + BRUX)))
    observations = georinex.load(path)
    assert observations.sizes["time"] == 120
    station = numpy.array(observations.attrs["position"])
    first = observations.time.values[0]
    at_first = observations.sel(time=first)
    n_compared = 0
    for name in observations.sv.values:
        measured = float(at_first.C1C.sel(sv=name))
        if math.isnan(measured):
            continue
        orbit = orbits.sel(sv=name, time=first)
        distance = numpy.linalg.norm(orbit.position.values * 1000 - station)
        expected = distance - 299_792_458 * float(orbit.clock) * 1e-6
        # Flight time, turn of the Earth and the air are within a few hundred metres.
        assert abs(measured - expected) < 400, name
        n_compared += 1
    assert n_compared >= 6


def test_georinex_reads_old_navigation(archive, tmp_path):
    path = tmp_path / "brdc0010.23n.gz"
    path.write_bytes(curl(f"{archive.http}{DAY}/{path.name}"))
    messages = georinex.load(path)
    assert (messages.sizes["time"], messages.sizes["sv"]) == (12, 12)


def test_gnssanalysis_reads_every_kind_of_product(archive, tmp_path):
    def fetched(folder, name):
        path = tmp_path / name
        path.write_bytes(curl(f"{archive.http}{folder}/{name}"))
        return str(path)

    orbits = sp3.read_sp3(fetched(WEEK, posixpath.basename(ORBITS)))
    assert len(orbits) == 288 * 21
    clocks = clk.read_clk(fetched(WEEK, "IGS0OPSFIN_20230010000_01D_05M_CLK.CLK.gz"))
    assert len(clocks) == 288 * 21
    rotation = erp.read_erp(fetched(WEEK, "ESA0OPSFIN_20230010000_07D_01D_ERP.ERP.gz"))
    assert list(rotation["MJD"]) == [59945.5 + day for day in range(7)]
    biases = bia.read_bia(fetched(WEEK, "COD0OPSFIN_20230010000_01D_01D_OSB.BIA.gz"))
    assert len(biases) == 2 * 21
    positions = sinex._get_snx_vector(
        fetched(WEEK, "ESA0OPSFIN_20230010000_01D_01D_SOL.SNX.gz"), stypes=["EST"]
    )
    assert len(positions) == 3 * 6
    maps = ionex.read_ionex(fetched(
        "/gnss/products/ionex/2023/001", "ESA0OPSFIN_20230010000_01D_02H_GIM.INX.gz"
    ))
    assert maps.shape == (13 * 71, 73)


def test_uncompress_reads_a_large_file(archive, tmp_path):
    """More different strings than the table has room for."""
    path = tmp_path / "EMR22430.SP3.Z"
    path.write_bytes(curl(f"{archive.http}{WEEK}/{path.name}"))
    assert path.stat().st_size > 2 * 65536
    text = run("uncompress", "-c", str(path)).decode()
    assert text.count("\n*") == 288 and text.endswith("EOF\n")
