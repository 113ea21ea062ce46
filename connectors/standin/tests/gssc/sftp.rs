//! An SFTP client.

use std::net::SocketAddr;
use std::sync::Arc;

use russh::client::{Config, Handler, connect};
use russh::keys::PublicKeyOrCertificate;
use russh_sftp::client::SftpSession;

struct Trusting;

impl Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        _key: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

/// A session of this user with this password; nothing when it was refused or closed.
pub(crate) async fn session(
    address: SocketAddr,
    user: &str,
    password: &str,
) -> Option<SftpSession> {
    let config = Arc::new(Config::default());
    let mut ssh = connect(config, address, Trusting).await.ok()?;
    let login = ssh.authenticate_password(user, password).await.ok()?;
    if !login.success() {
        return None;
    }
    let channel = ssh.channel_open_session().await.ok()?;
    channel.request_subsystem(true, "sftp").await.ok()?;
    SftpSession::new(channel.into_stream()).await.ok()
}

pub(crate) async fn names(session: &SftpSession, folder: &str) -> Vec<String> {
    let entries = session.read_dir(folder).await.unwrap();
    entries.map(|entry| entry.file_name()).collect()
}
