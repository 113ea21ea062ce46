//! Real servers on ports of their own, over one small tree of files.
//!
//! `tests/setup` installs them. Where one is missing the test says so and does not run, unless
//! `GANTRY_REQUIRE_SERVERS` is set, as it is where everything must run.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What is in `maps/big.bin`: long enough for many pieces, and no two places alike.
pub(crate) fn big() -> Vec<u8> {
    (0..700_000_u32).flat_map(u32::to_le_bytes).collect()
}

/// The folder that all servers serve:
///
/// ```text
/// a b#1.txt   maps/big.bin   maps/empty   Daily/001/x.txt   Daily/002/   latest -> Daily
/// ```
pub(crate) struct Tree {
    pub(crate) folder: TempDir,
}

impl Tree {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("gantry-net-")
            .tempdir()
            .unwrap();
        let root = folder.path().join("root");
        for name in ["maps", "Daily/001", "Daily/002"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        std::fs::write(root.join("a b#1.txt"), "text").unwrap();
        std::fs::write(root.join("maps/big.bin"), big()).unwrap();
        std::fs::write(root.join("maps/empty"), "").unwrap();
        std::fs::write(root.join("Daily/001/x.txt"), "x").unwrap();
        std::os::unix::fs::symlink("Daily", root.join("latest")).unwrap();
        // Servers that give up their rights must still see it.
        open_to_all(folder.path());
        Self { folder }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Writes a file beside the tree, where no server serves it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A server, ended when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts a program and waits until it takes connections.
    fn start(program: &str, arguments: &[&str], port: u16) -> Self {
        Self::start_with(program, arguments, port, Stdio::null)
    }

    /// The same, and what it says is kept in a file.
    pub(crate) fn start_telling(program: &str, arguments: &[&str], port: u16, log: &Path) -> Self {
        let log = std::fs::File::create(log).unwrap();
        Self::start_with(program, arguments, port, || log.try_clone().unwrap().into())
    }

    fn start_with(
        program: &str,
        arguments: &[&str],
        port: u16,
        output: impl Fn() -> Stdio,
    ) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output())
            .stderr(output())
            .spawn()
            .unwrap();
        let late = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "{program} ended: {ended:?}");
            assert!(Instant::now() < late, "{program} takes no connections");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, port }
    }
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Where a program is; none, with a word about it, when the test cannot run.
pub(crate) fn program(name: &str) -> Option<String> {
    program_that(name, &[], "")
}

/// The same, of several the first that says this when asked so.
pub(crate) fn program_that(name: &str, arguments: &[&str], word: &str) -> Option<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/sbin"]);
    let says = |path: &PathBuf| {
        let asked = || Command::new(path).args(arguments).output();
        let said =
            |output: std::process::Output| String::from_utf8_lossy(&output.stdout).contains(word);
        word.is_empty() || asked().is_ok_and(said)
    };
    let found = folders
        .map(|folder| Path::new(folder).join(name))
        .filter(|path| path.is_file())
        .find(says);
    match found {
        Some(path) => Some(path.display().to_string()),
        None => missing(name),
    }
}

/// Python with a module; Debian's own where another one is asked first.
pub(crate) fn python_with(module: &str) -> Option<String> {
    let pythons = [program("python3")?, "/usr/bin/python3".to_owned()];
    let has = |python: &String| {
        let tried = Command::new(python)
            .args(["-c", &format!("import {module}")])
            .stderr(Stdio::null())
            .status();
        tried.is_ok_and(|status| status.success())
    };
    match pythons.into_iter().find(has) {
        Some(python) => Some(python),
        None => missing(module),
    }
}

pub(crate) fn missing<T>(name: &str) -> Option<T> {
    assert!(
        std::env::var_os("GANTRY_REQUIRE_SERVERS").is_none(),
        "{name} is not installed; run tests/setup"
    );
    #[expect(clippy::print_stdout, reason = "the word is for who runs the tests")]
    {
        println!("NOT RUN: {name} is not installed; tests/setup installs it");
    }
    None
}

pub(crate) fn run(program: &str, arguments: &[&str], folder: &Path) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// How a server of FTP is secured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tls {
    Off,
    Explicit,
    Implicit,
}

/// vsftpd for anonymous; over TLS it wants data connections to resume the control connection's
/// session.
pub(crate) fn vsftpd(tree: &Tree, tls: Tls) -> Option<Server> {
    let program = program("vsftpd")?;
    let port = free_port();
    let base = tree.folder.path().display().to_string();
    std::fs::create_dir_all(format!("{base}/nothing")).unwrap();
    let mut text = format!(
        "listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\n\
         anonymous_enable=YES\nlocal_enable=NO\nanon_root={base}/root\n\
         secure_chroot_dir={base}/nothing\nseccomp_sandbox=NO\nisolate=NO\nisolate_network=NO\n"
    );
    if tls != Tls::Off {
        certificate(tree);
        text.push_str(&format!(
            "ssl_enable=YES\nallow_anon_ssl=YES\nforce_anon_data_ssl=YES\n\
             force_anon_logins_ssl=YES\nrequire_ssl_reuse=YES\nssl_ciphers=HIGH\n\
             rsa_cert_file={base}/host.pem\nrsa_private_key_file={base}/host.key\n"
        ));
    }
    if tls == Tls::Implicit {
        text.push_str("implicit_ssl=YES\n");
    }
    let config = tree.write(&format!("vsftpd-{port}.conf"), &text);
    Some(Server::start(
        &program,
        &[&config.display().to_string()],
        port,
    ))
}

/// A certificate for `localhost` and 127.0.0.1 in `host.pem`, whose authority is in `ca.pem`.
pub(crate) fn certificate(tree: &Tree) {
    let Some(openssl) = program("openssl") else {
        panic!("the tests over TLS need openssl");
    };
    let folder = tree.folder.path();
    if folder.join("host.pem").exists() {
        return;
    }
    tree.write("host.ext", "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
    let key = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ];
    let ca = [
        "req", "-x509", "-days", "2", "-subj", "/CN=ours", "-keyout", "ca.key", "-out", "ca.pem",
    ];
    run(&openssl, &[&ca[..], &key[..]].concat(), folder);
    let host = [
        "req",
        "-subj",
        "/CN=localhost",
        "-keyout",
        "host.key",
        "-out",
        "host.csr",
    ];
    run(&openssl, &[&host[..], &key[..]].concat(), folder);
    let sign = [
        "x509",
        "-req",
        "-days",
        "2",
        "-in",
        "host.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-extfile",
        "host.ext",
        "-out",
        "host.pem",
    ];
    run(&openssl, &sign, folder);
}

/// pyftpdlib for anonymous, and for `ada` with the password `p@ss word`.
pub(crate) fn pyftpdlib(tree: &Tree) -> Option<Server> {
    let python = python_with("pyftpdlib")?;
    let port = free_port();
    let script = tree.write(
        "ftp.py",
        "import sys\n\
         from pyftpdlib.authorizers import DummyAuthorizer\n\
         from pyftpdlib.handlers import FTPHandler\n\
         from pyftpdlib.servers import FTPServer\n\
         who = DummyAuthorizer()\n\
         who.add_anonymous(sys.argv[2])\n\
         who.add_user('ada', 'p@ss word', sys.argv[2])\n\
         FTPHandler.authorizer = who\n\
         FTPServer(('127.0.0.1', int(sys.argv[1])), FTPHandler).serve_forever()\n",
    );
    let root = tree.root().display().to_string();
    let arguments = [&script.display().to_string(), &port.to_string(), &root];
    Some(Server::start(&python, &arguments.map(String::as_str), port))
}

/// OpenSSH for the user who runs the tests, by the key in `client`; also its host key's fingerprint.
pub(crate) fn sshd(tree: &Tree) -> Option<(Server, String, String)> {
    let (program, keygen) = (program("sshd")?, program("ssh-keygen")?);
    let port = free_port();
    let folder = tree.folder.path();
    let base = folder.display().to_string();
    for name in ["host", "client"] {
        run(
            &keygen,
            &["-q", "-t", "ed25519", "-N", "", "-f", name],
            folder,
        );
    }
    std::fs::copy(folder.join("client.pub"), folder.join("allowed")).unwrap();
    let config = tree.write(
        "sshd.conf",
        &format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {base}/host\nPidFile none\n\
             AuthorizedKeysFile {base}/allowed\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n\
             Subsystem sftp internal-sftp\n"
        ),
    );
    // The server, started as root, wants its folder; another user needs none.
    let _ = std::fs::create_dir_all("/run/sshd");
    let print = Command::new(&keygen)
        .args(["-lf", &format!("{base}/host.pub")])
        .output()
        .unwrap();
    let print = String::from_utf8(print.stdout).unwrap();
    let print = print.split(' ').nth(1).unwrap().to_owned();
    let who = Command::new("id").arg("-un").output().unwrap();
    let user = String::from_utf8(who.stdout).unwrap().trim().to_owned();
    let config = config.display().to_string();
    Some((
        Server::start(&program, &["-D", "-f", &config], port),
        user,
        print,
    ))
}

/// A server of SFTP that lets `anonymous` in with an empty password, and `ada` with hers; its host
/// key is of the kind named, such as `ssh-rsa`. With the port given it stands in for another.
pub(crate) fn asyncssh(tree: &Tree, kind: &str, port: Option<u16>) -> Option<Server> {
    let python = python_with("asyncssh")?;
    let port = port.unwrap_or_else(free_port);
    let script = tree.write(
        "sftp.py",
        "import asyncio, asyncssh, sys\n\
         class Server(asyncssh.SSHServer):\n\
         \x20   def begin_auth(self, user): return True\n\
         \x20   def password_auth_supported(self): return True\n\
         \x20   def validate_password(self, user, password):\n\
         \x20       return (user, password) in [('anonymous', ''), ('ada', 'p@ss word')]\n\
         async def main():\n\
         \x20   await asyncssh.create_server(Server, '127.0.0.1', int(sys.argv[1]), reuse_address=True,\n\
         \x20       server_host_keys=[asyncssh.generate_private_key(sys.argv[3])],\n\
         \x20       sftp_factory=lambda chan: asyncssh.SFTPServer(chan, chroot=sys.argv[2]))\n\
         \x20   await asyncio.get_event_loop().create_future()\n\
         asyncio.run(main())\n",
    );
    let root = tree.root().display().to_string();
    let arguments = [
        &script.display().to_string(),
        &port.to_string(),
        &root,
        &kind.to_owned(),
    ];
    Some(Server::start(&python, &arguments.map(String::as_str), port))
}

/// nginx, which lists the tree below `/plain/`, `/round/` (sizes rounded), `/json/` and, where its
/// module is there, `/fancy/`.
pub(crate) fn nginx(tree: &Tree) -> Option<(Server, bool)> {
    let program = program("nginx")?;
    let port = free_port();
    let module = "/usr/lib/nginx/modules/ngx_http_fancyindex_module.so";
    let has_fancy = Path::new(module).is_file() || missing::<()>("nginx's fancyindex").is_some();
    let (base, root) = (tree.folder.path().display(), tree.root());
    let root = root.display();
    let mut places = format!(
        "location /plain/ {{ alias {root}/; autoindex on; }}\n\
         location /round/ {{ alias {root}/; autoindex on; autoindex_exact_size off; }}\n\
         location /json/ {{ alias {root}/; autoindex on; autoindex_format json; }}\n\
         location /sorry/ {{ return 200 '<html><title>Sorry</title></html>'; default_type text/html; }}\n"
    );
    let mut load = String::new();
    if has_fancy {
        load = format!("load_module {module};\n");
        places.push_str(&format!(
            "location /fancy/ {{ alias {root}/; fancyindex on; fancyindex_exact_size off; }}\n\
             location /exact/ {{ alias {root}/; fancyindex on; fancyindex_exact_size on; }}\n"
        ));
    }
    let config = tree.write(
        "nginx.conf",
        &format!(
            "{load}daemon off;\nmaster_process off;\npid {base}/nginx.pid;\nerror_log stderr;\nevents {{}}\n\
             http {{ access_log off; client_body_temp_path {base}/t1; proxy_temp_path {base}/t2; fastcgi_temp_path {base}/t3;\n\
             uwsgi_temp_path {base}/t4; scgi_temp_path {base}/t5;\n\
             server {{ listen 127.0.0.1:{port};\n{places}}} }}\n"
        ),
    );
    let config = config.display().to_string();
    Some((Server::start(&program, &["-c", &config], port), has_fancy))
}
