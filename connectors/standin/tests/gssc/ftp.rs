//! FTP by hand, so that what is seen is what is on the wire.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub(crate) struct Client {
    control: BufReader<TcpStream>,
    address: SocketAddr,
}

/// A number and its text.
pub(crate) type Reply = (u16, String);

impl Client {
    /// A connection whose greeting came; nothing when it was refused or closed.
    pub(crate) fn connect(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let mut client = Self {
            control: BufReader::new(stream),
            address,
        };
        client.reply().filter(|(code, _)| *code == 220)?;
        Some(client)
    }

    /// What the server said when it refused.
    pub(crate) fn log_in(&mut self, user: &str, password: &str) -> Result<(), Reply> {
        self.command(&format!("USER {user}"));
        let (code, text) = self.command(&format!("PASS {password}"));
        match code {
            230 => Ok(()),
            _ => Err((code, text)),
        }
    }

    pub(crate) fn command(&mut self, line: &str) -> Reply {
        let stream = self.control.get_mut();
        let sent = stream.write_all(format!("{line}\r\n").as_bytes());
        sent.ok()
            .and_then(|()| self.reply())
            .unwrap_or((0, "closed".to_owned()))
    }

    /// The bytes a command sends over a connection of its own, and the reply at the end.
    pub(crate) fn transfer(&mut self, from: u64, line: &str) -> (Vec<u8>, Reply) {
        self.command("TYPE I");
        let (code, text) = self.command("EPSV");
        assert_eq!(code, 229, "{text}");
        let port: u16 = text.split('|').nth(3).unwrap().parse().unwrap();
        let mut data = TcpStream::connect((self.address.ip(), port)).unwrap();
        data.set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        if from > 0 {
            assert_eq!(self.command(&format!("REST {from}")).0, 350);
        }
        let begun = self.command(line);
        if begun.0 != 150 {
            return (Vec::new(), begun);
        }
        let mut bytes = Vec::new();
        // A cut connection ends the bytes.
        let _ = data.read_to_end(&mut bytes);
        drop(data);
        let ended = self.reply().unwrap_or((0, "closed".to_owned()));
        (bytes, ended)
    }

    pub(crate) fn names(&mut self, folder: &str) -> Vec<String> {
        let (bytes, (code, text)) = self.transfer(0, &format!("NLST {folder}"));
        assert_eq!(code, 226, "{text}");
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn reply(&mut self) -> Option<Reply> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            if self.control.read_line(&mut line).ok()? == 0 {
                return None;
            }
            text.push_str(&line);
            let is_last = line.as_bytes().get(3) == Some(&b' ');
            let code = line.get(..3).and_then(|code| code.parse().ok());
            if let Some(code) = code.filter(|_| is_last) {
                return Some((code, text));
            }
        }
    }
}
