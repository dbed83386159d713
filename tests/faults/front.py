"""nginx before the processes, from deploy/nginx-site.conf itself: the name, ports, certificate and folders are put in."""

import datetime
import ipaddress
import re
import signal
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.engines import free_port, nginx
from tests.engines.process import Engine

SITE = Path(__file__).resolve().parents[2] / "deploy" / "nginx-site.conf"
AROUND = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
{user}
events {{ worker_connections 8192; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


class Front(Engine):
    """`https://localhost:<port>` for web processes on these ports."""

    name, last_resort = "nginx", signal.SIGTERM

    def __init__(self, ports: Sequence[int]) -> None:
        self.ports, self.plain = ports, free_port()
        super().__init__()

    def prepare(self) -> None:
        certify(self.folder / "cert.pem", self.folder / "key.pem")
        (self.folder / "site.conf").write_text(self.site())
        user = "user root;" if Path("/proc/self").stat().st_uid == 0 else ""  # else it cannot enter the folder
        (self.folder / "nginx.conf").write_text(AROUND.format(folder=self.folder, user=user))

    def site(self) -> str:
        """The site, with these substitutions; each must be found, so that the file that is tested is the file that is shipped."""
        processes = "".join(f"    server 127.0.0.1:{port} max_fails=1 fail_timeout=2s;\n" for port in self.ports)
        text = SITE.read_text()
        for pattern, new in (
            (r"(    server 127\.0\.0\.1:800\d [^\n]*\n)+", processes),
            (r"listen 80;\n    listen \[::\]:80;", f"listen 127.0.0.1:{self.plain};"),
            (r"listen 443 ssl http2;\n    listen \[::\]:443 ssl http2;", f"listen 127.0.0.1:{self.port} ssl http2;"),
            (r"chat\.example\.org;", "localhost;"),
            (r"/etc/letsencrypt/live/chat\.example\.org/fullchain\.pem", str(self.folder / "cert.pem")),
            (r"/etc/letsencrypt/live/chat\.example\.org/privkey\.pem", str(self.folder / "key.pem")),
            (r"/var/log/nginx/", f"{self.folder}/"),
        ):
            text, found = re.subn(pattern, new, text)
            assert found, f"{SITE.name} has changed: {pattern} is not in it"
        return text

    def command(self) -> list[str]:
        return [str(nginx()), "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), "-e", "stderr"]

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def trust(self) -> ssl.SSLContext:
        """A client's context that believes this certificate and no other."""
        return ssl.create_default_context(cafile=self.folder / "cert.pem")


def certify(certificate: Path, key: Path) -> None:
    """A certificate for localhost that is its own authority, valid for a day."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(secret, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key.write_bytes(secret.private_bytes(pem, pkcs8, serialization.NoEncryption()))
