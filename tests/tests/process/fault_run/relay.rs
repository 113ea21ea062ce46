//! A relay of TCP that delays, stalls, refuses and cuts; it knows nothing of what passes through it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::dice::Dice;

/// The relay; it ends when this is dropped.
pub(crate) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    to: SocketAddr,
    seed: u64,
    n_connections: AtomicU64,
    n_cuts: AtomicU64,
    is_closing: AtomicBool,
    /// Whether nothing goes wrong any more.
    is_calm: AtomicBool,
}

/// What happens to one connection on the way back from the archive.
#[derive(Debug, Default, Clone, Copy)]
struct Fate {
    is_refused: bool,
    /// Cut after so many bytes.
    cut_at: Option<u64>,
    /// Nothing more comes after so many bytes.
    stall_at: Option<u64>,
    /// How long each piece takes.
    delay: Duration,
}

impl Relay {
    pub(crate) fn start(to: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            to,
            seed,
            n_connections: AtomicU64::new(0),
            n_cuts: AtomicU64::new(0),
            is_closing: AtomicBool::new(false),
            is_calm: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.is_closing.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                thread::spawn(move || drop(shared.pass(stream)));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were cut or refused.
    pub(crate) fn n_cuts(&self) -> u64 {
        self.shared.n_cuts.load(Ordering::Relaxed)
    }

    /// From now on everything passes.
    pub(crate) fn calm(&self) {
        self.shared.is_calm.store(true, Ordering::Relaxed);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_closing.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts; when it cannot be reached it has ended.
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    fn fate(&self) -> Fate {
        let n = self.n_connections.fetch_add(1, Ordering::Relaxed);
        if self.is_calm.load(Ordering::Relaxed) {
            return Fate::default();
        }
        let mut dice = Dice::new(
            self.seed
                .wrapping_add(n.wrapping_mul(0x5851_f42d_4c95_7f2d)),
        );
        // As many cuts near the beginning as near the end, whatever the size of what passes.
        let mut somewhere = || {
            let magnitude = dice.within(5, 22);
            dice.below(1 << magnitude)
        };
        let (cut_at, stall_at) = (somewhere(), somewhere());
        Fate {
            is_refused: dice.percent(3),
            cut_at: dice.percent(60).then_some(cut_at),
            stall_at: dice.percent(3).then_some(stall_at),
            delay: Duration::from_millis(if dice.percent(40) { dice.below(6) } else { 0 }),
        }
    }

    fn pass(&self, client: TcpStream) -> std::io::Result<()> {
        let fate = self.fate();
        if fate.is_refused {
            return self.cut(&client);
        }
        let archive = TcpStream::connect(self.to)?;
        for stream in [&client, &archive] {
            stream.set_nodelay(true)?;
        }
        let (mut from, mut to) = (client.try_clone()?, archive.try_clone()?);
        thread::spawn(move || {
            // When one side ends, so does the other.
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
        let passed = self.back(&client, &archive, fate);
        let _ = archive.shutdown(Shutdown::Both);
        let _ = client.shutdown(Shutdown::Both);
        passed
    }

    /// Passes on what the archive sends.
    fn back(
        &self,
        mut client: &TcpStream,
        mut archive: &TcpStream,
        fate: Fate,
    ) -> std::io::Result<()> {
        let (mut buffer, mut passed) = (vec![0; 16 * 1024], 0_u64);
        loop {
            let n = archive.read(&mut buffer)?;
            if n == 0 {
                return Ok(());
            }
            let n_bytes = n as u64;
            if let Some(at) = fate.stall_at.filter(|at| *at < passed + n_bytes) {
                client.write_all(&buffer[..usize::try_from(at - passed).unwrap_or(0)])?;
                return self.stall(archive);
            }
            if let Some(at) = fate.cut_at.filter(|at| *at < passed + n_bytes) {
                client.write_all(&buffer[..usize::try_from(at - passed).unwrap_or(0)])?;
                return self.cut(client);
            }
            // This is the delay itself; nobody waits for anything here.
            thread::sleep(fate.delay);
            client.write_all(&buffer[..n])?;
            passed += n_bytes;
        }
    }

    fn cut(&self, client: &TcpStream) -> std::io::Result<()> {
        self.n_cuts.fetch_add(1, Ordering::Relaxed);
        client.shutdown(Shutdown::Both)
    }

    /// Keeps the connection open and passes nothing on, until the other side has had enough and closes.
    fn stall(&self, mut archive: &TcpStream) -> std::io::Result<()> {
        self.n_cuts.fetch_add(1, Ordering::Relaxed);
        while archive.read(&mut [0; 4096])? > 0 {}
        Ok(())
    }
}
