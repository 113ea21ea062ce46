//! Real servers that take files, each with a root and a user of its own.

use std::path::PathBuf;
use std::process::Command;

use gantry_net::{Limits, Net, NetConfig, Remote, RemoteConfig, RemoteKind, Url};

use crate::peer::quick;
use crate::servers::{
    Server, Tree, certificate, free_port, program, program_that, python_with, run,
};

/// Her password has what must be written with percent signs.
pub(crate) const PASSWORD: &str = "p@ss word%";

/// A server, its files, and how it is reached.
pub(crate) struct Storage {
    pub(crate) tree: Tree,
    pub(crate) server: Server,
    pub(crate) config: RemoteConfig,
    pub(crate) net: NetConfig,
    /// Where the files are on this machine.
    pub(crate) root: PathBuf,
    /// What the server says, and a word of it that stands for one refused login.
    pub(crate) log: PathBuf,
    pub(crate) refused: &'static str,
}

impl Storage {
    pub(crate) fn remote(&self) -> Remote {
        self.remote_of(self.config.clone())
    }

    pub(crate) fn remote_of(&self, config: RemoteConfig) -> Remote {
        Net::new(self.net.clone()).unwrap().remote(config).unwrap()
    }

    pub(crate) fn n_refused(&self) -> usize {
        let text = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&text).matches(self.refused).count()
    }
}

/// A folder that every server may write to, whoever it runs as.
fn root(tree: &Tree, name: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let root = tree.folder.path().join(name);
    std::fs::create_dir(&root).unwrap();
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o777)).unwrap();
    root
}

fn config(kind: RemoteKind, address: String) -> RemoteConfig {
    let mut config = RemoteConfig::new(kind, address.parse::<Url>().unwrap());
    config.user = Some("ada".to_owned());
    config.secret = Some(PASSWORD.into());
    config.limits = Limits {
        idle: std::time::Duration::from_secs(20),
        head: std::time::Duration::from_secs(20),
        max_in_flight: 8,
        ..quick()
    };
    config
}

fn net(tree: &Tree) -> NetConfig {
    let authority = tree.folder.path().join("ca.pem");
    NetConfig {
        allow_private: vec!["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()],
        ca_file: authority.exists().then_some(authority),
        ..NetConfig::default()
    }
}

fn storage(
    tree: Tree,
    server: Server,
    root: PathBuf,
    config: RemoteConfig,
    refused: &'static str,
) -> Storage {
    Storage {
        net: net(&tree),
        log: tree.folder.path().join("log"),
        tree,
        server,
        config,
        root,
        refused,
    }
}

/// pyftpdlib, in the clear.
pub(crate) fn pyftpdlib() -> Option<Storage> {
    let python = python_with("pyftpdlib")?;
    let (tree, port) = (Tree::new(), free_port());
    let script = tree.write(
        "ftp.py",
        "import sys\n\
         from pyftpdlib.authorizers import DummyAuthorizer\n\
         from pyftpdlib.handlers import FTPHandler\n\
         from pyftpdlib.servers import FTPServer\n\
         who = DummyAuthorizer()\n\
         who.add_user('ada', sys.argv[3], sys.argv[2], perm='elradfmwMT')\n\
         FTPHandler.authorizer = who\n\
         FTPServer(('127.0.0.1', int(sys.argv[1])), FTPHandler).serve_forever()\n",
    );
    let root = root(&tree, "storage");
    let arguments = [
        script.display().to_string(),
        port.to_string(),
        root.display().to_string(),
        PASSWORD.to_owned(),
    ];
    let server = Server::start_telling(
        &python,
        &arguments.each_ref().map(String::as_str),
        port,
        &tree.folder.path().join("log"),
    );
    let config = config(RemoteKind::Ftp, format!("ftp://127.0.0.1:{port}/"));
    Some(storage(tree, server, root, config, "failed login"))
}

/// vsftpd over TLS, with data connections that must resume the control connection's session. Its
/// one user is `anonymous`, here with passwords that it knows.
pub(crate) fn vsftpd(is_implicit: bool) -> Option<Storage> {
    let program = program("vsftpd")?;
    let (tree, port) = (Tree::new(), free_port());
    let root = root(&tree, "storage");
    certificate(&tree);
    tree.write("passwords", &format!("{PASSWORD}\n"));
    // What is chrooted to must not be writable, so the files are one folder down.
    let base = tree.folder.path().display().to_string();
    std::fs::create_dir_all(format!("{base}/nothing")).unwrap();
    std::fs::create_dir_all(format!("{base}/chroot")).unwrap();
    let files = tree.folder.path().join("chroot/files");
    std::fs::rename(&root, &files).unwrap();
    let text = format!(
        "listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\n\
         anonymous_enable=YES\nlocal_enable=NO\nanon_root={base}/chroot\nwrite_enable=YES\n\
         anon_upload_enable=YES\nanon_mkdir_write_enable=YES\nanon_other_write_enable=YES\n\
         anon_umask=022\nanon_world_readable_only=NO\nforce_dot_files=YES\n\
         secure_email_list_enable=YES\nemail_password_file={base}/passwords\n\
         xferlog_enable=YES\nvsftpd_log_file={base}/log\nxferlog_std_format=NO\n\
         secure_chroot_dir={base}/nothing\nseccomp_sandbox=NO\nisolate=NO\nisolate_network=NO\n\
         ssl_enable=YES\nallow_anon_ssl=YES\nforce_anon_data_ssl=YES\nforce_anon_logins_ssl=YES\n\
         require_ssl_reuse=YES\nssl_ciphers=HIGH\nimplicit_ssl={}\n\
         rsa_cert_file={base}/host.pem\nrsa_private_key_file={base}/host.key\n",
        if is_implicit { "YES" } else { "NO" }
    );
    let conf = tree.write("vsftpd.conf", &text).display().to_string();
    let said = tree.folder.path().join("said");
    let server = Server::start_telling(&program, &[&conf], port, &said);
    let scheme = if is_implicit { "ftps" } else { "ftpes" };
    let mut config = config(
        RemoteKind::Ftp,
        format!("{scheme}://localhost:{port}/files"),
    );
    config.user = Some("anonymous".to_owned());
    Some(storage(tree, server, files, config, "FAIL LOGIN"))
}

/// OpenSSH for the user who runs the tests, by key.
pub(crate) fn sshd() -> Option<Storage> {
    let tree = Tree::new();
    let root = root(&tree, "storage");
    let keygen = program("ssh-keygen")?;
    let sshd = program("sshd")?;
    let (folder, port) = (tree.folder.path(), free_port());
    for name in ["host", "client", "other"] {
        let arguments = ["-q", "-t", "ed25519", "-N", "", "-f", name];
        run(&keygen, &arguments, folder);
    }
    std::fs::copy(folder.join("client.pub"), folder.join("allowed")).unwrap();
    let base = folder.display().to_string();
    let conf = tree.write(
        "sshd.conf",
        &format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {base}/host\nPidFile none\n\
             AuthorizedKeysFile {base}/allowed\nStrictModes no\nUsePAM no\nLogLevel VERBOSE\n\
             PasswordAuthentication yes\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n\
             Subsystem sftp internal-sftp\n"
        ),
    );
    // The server, started as root, wants its folder; another user needs none.
    let _ = std::fs::create_dir_all("/run/sshd");
    let conf = conf.display().to_string();
    let server =
        Server::start_telling(&sshd, &["-D", "-e", "-f", &conf], port, &folder.join("log"));
    let who = Command::new("id").arg("-un").output().unwrap();
    let key = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let mut config = config(
        RemoteKind::Sftp,
        format!("sftp://127.0.0.1:{port}{}", root.display()),
    );
    config.user = Some(String::from_utf8(who.stdout).unwrap().trim().to_owned());
    config.secret = None;
    config.private_key = Some(key("client").into());
    config.host_keys = vec![key("host.pub").try_into().unwrap()];
    Some(storage(tree, server, root, config, "Failed publickey"))
}

/// OpenSSH for a user `ada` with a password, who exists in the server's own mount namespace only; needs root.
pub(crate) fn sshd_by_password() -> Option<Storage> {
    let (sshd, unshare) = (program("sshd")?, program("unshare")?);
    let (keygen, openssl) = (program("ssh-keygen")?, program("openssl")?);
    let tree = Tree::new();
    let root = root(&tree, "storage");
    let (folder, port) = (tree.folder.path(), free_port());
    run(
        &keygen,
        &["-q", "-t", "ed25519", "-N", "", "-f", "host"],
        folder,
    );
    let hash = Command::new(openssl)
        .args(["passwd", "-6", PASSWORD])
        .output();
    let hash = String::from_utf8(hash.unwrap().stdout).unwrap();
    let base = folder.display().to_string();
    let known = |name: &str| std::fs::read_to_string(format!("/etc/{name}"));
    let (Ok(users), Ok(secrets)) = (known("passwd"), known("shadow")) else {
        eprintln!("NOT RUN  OpenSSH by password: only root can give it a user of its own");
        return None;
    };
    tree.write(
        "passwd",
        &format!("{users}ada:x:54321:54321::{base}/storage:/bin/sh\n"),
    );
    tree.write(
        "shadow",
        &format!("{secrets}ada:{}:19000:0:99999:7:::\n", hash.trim()),
    );
    let conf = tree.write(
        "sshd.conf",
        &format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {base}/host\nPidFile none\n\
             StrictModes no\nUsePAM no\nLogLevel VERBOSE\nPubkeyAuthentication no\n\
             PasswordAuthentication yes\nKbdInteractiveAuthentication no\n\
             Subsystem sftp internal-sftp\n"
        ),
    );
    let _ = std::fs::create_dir_all("/run/sshd");
    let script = format!(
        "mount --bind {base}/passwd /etc/passwd && mount --bind {base}/shadow /etc/shadow && \
         exec {sshd} -D -e -f {}",
        conf.display()
    );
    let may = Command::new(&unshare).args(["-m", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        eprintln!("NOT RUN  OpenSSH by password: no mount namespace can be made here");
        return None;
    }
    let arguments = ["-m", "--propagation", "private", "sh", "-c", &script];
    let server = Server::start_telling(&unshare, &arguments, port, &folder.join("log"));
    let mut config = config(
        RemoteKind::Sftp,
        format!("sftp://127.0.0.1:{port}{}", root.display()),
    );
    let key = std::fs::read_to_string(folder.join("host.pub")).unwrap();
    config.host_keys = vec![key.try_into().unwrap()];
    Some(storage(tree, server, root, config, "Failed password"))
}

/// A server of SFTP by password, below a root of its own.
pub(crate) fn asyncssh() -> Option<Storage> {
    let python = python_with("asyncssh")?;
    let (tree, port) = (Tree::new(), free_port());
    let script = tree.write(
        "sftp.py",
        "import asyncio, asyncssh, sys\n\
         class Server(asyncssh.SSHServer):\n\
         \x20   def begin_auth(self, user): return True\n\
         \x20   def password_auth_supported(self): return True\n\
         \x20   def kbdint_auth_supported(self): return False\n\
         \x20   def validate_password(self, user, password):\n\
         \x20       good = (user, password) == ('ada', sys.argv[3])\n\
         \x20       if not good: print('refused', flush=True)\n\
         \x20       return good\n\
         async def main():\n\
         \x20   await asyncssh.create_server(Server, '127.0.0.1', int(sys.argv[1]), reuse_address=True,\n\
         \x20       server_host_keys=[asyncssh.generate_private_key('ssh-ed25519')],\n\
         \x20       sftp_factory=lambda chan: asyncssh.SFTPServer(chan, chroot=sys.argv[2]))\n\
         \x20   await asyncio.get_event_loop().create_future()\n\
         asyncio.run(main())\n",
    );
    let root = root(&tree, "storage");
    let arguments = [
        script.display().to_string(),
        port.to_string(),
        root.display().to_string(),
        PASSWORD.to_owned(),
    ];
    let server = Server::start_telling(
        &python,
        &arguments.each_ref().map(String::as_str),
        port,
        &tree.folder.path().join("log"),
    );
    let config = config(RemoteKind::Sftp, format!("sftp://127.0.0.1:{port}/"));
    Some(storage(tree, server, root, config, "refused"))
}

/// Apache with mod_dav below `/dav`.
pub(crate) fn apache() -> Option<Storage> {
    let (program, openssl) = (program("apache2")?, program("openssl")?);
    let (tree, port) = (Tree::new(), free_port());
    let locks = root(&tree, "locks");
    let root = root(&tree, "storage");
    let hash = Command::new(openssl)
        .args(["passwd", "-apr1", PASSWORD])
        .output()
        .unwrap();
    let hash = String::from_utf8(hash.stdout).unwrap();
    tree.write("users", &format!("ada:{}\n", hash.trim()));
    let base = tree.folder.path().display().to_string();
    let modules = [
        "mpm_event",
        "authn_core",
        "authn_file",
        "authz_core",
        "authz_user",
        "auth_basic",
        "alias",
        "dav",
        "dav_fs",
    ];
    let load: String = modules
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .concat();
    let conf = tree.write(
        "apache.conf",
        &format!(
            "{load}ServerRoot {base}\nServerName localhost\nListen 127.0.0.1:{port}\n\
             PidFile {base}/apache.pid\nErrorLog {base}/log\nLogLevel info\nMutex pthread\n\
             DocumentRoot {base}/nothing\nDavLockDB {locks}/db\nUser nobody\nGroup nogroup\n\
             Alias /dav {root}\n\
             Redirect 307 /away http://169.254.169.254/latest\n\
             <Directory {root}>\nDav On\nAuthType Basic\nAuthName dav\nAuthUserFile {base}/users\n\
             Require valid-user\n</Directory>\n",
            root = root.display(),
            locks = locks.display(),
        ),
    );
    std::fs::create_dir_all(format!("{base}/nothing")).unwrap();
    let conf = conf.display().to_string();
    let said = tree.folder.path().join("said");
    let server = Server::start_telling(&program, &["-X", "-f", &conf], port, &said);
    let config = config(RemoteKind::Webdav, format!("http://127.0.0.1:{port}/dav/"));
    Some(storage(tree, server, root, config, "Password Mismatch"))
}

/// WsgiDAV.
pub(crate) fn wsgidav() -> Option<Storage> {
    let program = program("wsgidav")?;
    let (tree, port) = (Tree::new(), free_port());
    let root = root(&tree, "storage");
    let conf = tree.write(
        "wsgidav.json",
        &format!(
            "{{\"host\": \"127.0.0.1\", \"port\": {port}, \"verbose\": 3,\n\
             \"provider_mapping\": {{\"/\": \"{}\"}},\n\
             \"http_authenticator\": {{\"accept_basic\": true, \"accept_digest\": false, \"default_to_digest\": false}},\n\
             \"simple_dc\": {{\"user_mapping\": {{\"*\": {{\"ada\": {{\"password\": \"{PASSWORD}\"}}}}}}}}}}\n",
            root.display(),
        ),
    );
    let conf = conf.display().to_string();
    let log = tree.folder.path().join("log");
    let server = Server::start_telling(&program, &["-c", &conf], port, &log);
    let config = config(RemoteKind::Webdav, format!("http://127.0.0.1:{port}/"));
    Some(storage(tree, server, root, config, "-> 401"))
}

/// rclone serving S3, which checks the signature of every request.
pub(crate) fn rclone() -> Option<Storage> {
    // Debian's serves no S3.
    let program = program_that("rclone", &["serve", "--help"], "  s3 ")?;
    let (tree, port) = (Tree::new(), free_port());
    let root = root(&tree, "storage");
    std::fs::create_dir_all(root.join("bucket/files")).unwrap();
    let (log, address) = (tree.folder.path().join("log"), format!("127.0.0.1:{port}"));
    let key = format!("ada,{PASSWORD}");
    let folder = root.display().to_string();
    let server = Server::start_telling(
        &program,
        &[
            "serve",
            "s3",
            "-vv",
            "--config",
            "/dev/null",
            "--vfs-cache-mode",
            "off",
            "--addr",
            &address,
            "--auth-key",
            &key,
            &folder,
        ],
        port,
        &log,
    );
    let mut config = config(RemoteKind::S3, format!("http://127.0.0.1:{port}"));
    config.bucket = Some("bucket".to_owned());
    config.prefix = Some("files".to_owned());
    let root = root.join("bucket/files");
    Some(storage(tree, server, root, config, "Access Denied"))
}
