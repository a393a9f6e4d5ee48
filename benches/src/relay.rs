//! A TCP relay that makes the way to a server longer, and counts what travels on it.
//!
//! Every byte arrives half a round trip after it was sent. A new connection costs one
//! round trip more, which the handshake of TCP takes on a real way. Nothing else is
//! added: no loss, no limit of bandwidth, no TLS.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use mcp_domain::{Error, ErrorKind};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    task::{JoinHandle, JoinSet},
    time::{Duration, Instant, sleep_until},
};

/// Bytes that went to the server, and came from it.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
}

impl Traffic {
    /// What was counted since the last time.
    pub(crate) fn take(&self) -> (u64, u64) {
        let sent = self.sent.swap(0, Ordering::Relaxed);
        (sent, self.received.swap(0, Ordering::Relaxed))
    }
}

/// A relay; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    address: SocketAddr,
    traffic: Arc<Traffic>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Listens on a port of its own, and relays to the server at `to`.
    pub(crate) async fn start(to: SocketAddr, rtt: Duration) -> Result<Self, Error> {
        let cannot = |error: std::io::Error| {
            Error::new(ErrorKind::ConnectFailed, "cannot start the relay").with_source(error)
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let traffic = Arc::new(Traffic::default());
        let task = tokio::spawn(accept(listener, to, rtt, Arc::clone(&traffic)));
        Ok(Self {
            address,
            traffic,
            task,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, rtt: Duration, traffic: Arc<Traffic>) {
    // Ended together with this task.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let accepted = Instant::now();
        while connections.try_join_next().is_some() {}
        let traffic = Arc::clone(&traffic);
        connections.spawn(async move {
            let Ok(server) = TcpStream::connect(to).await else {
                return;
            };
            // Fails only if the peer is gone, which is seen below.
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            let delay = rtt / 2;
            let there = Lane {
                open: accepted + rtt,
                delay,
                count: &traffic.sent,
            };
            let back = Lane {
                open: accepted,
                delay,
                count: &traffic.received,
            };
            tokio::join!(
                there.carry(from_client, to_server),
                back.carry(from_server, to_client)
            );
        });
    }
}

/// One direction of a connection.
#[derive(Debug)]
struct Lane<'t> {
    /// Nothing sets out before this.
    open: Instant,
    delay: Duration,
    count: &'t AtomicU64,
}

impl Lane<'_> {
    async fn carry(self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let (sender, mut receiver) = mpsc::channel::<(Instant, Vec<u8>)>(1024);
        let read = async move {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(length) = from.read(&mut buffer).await {
                if length == 0 {
                    break;
                }
                let due = Instant::now().max(self.open) + self.delay;
                let bytes = buffer[..length].to_vec();
                if sender.send((due, bytes)).await.is_err() {
                    break;
                }
            }
        };
        let write = async move {
            while let Some((due, bytes)) = receiver.recv().await {
                if !self.delay.is_zero() {
                    sleep_until(due).await;
                }
                self.count.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                if to.write_all(&bytes).await.is_err() {
                    break;
                }
            }
            // The peer learns of the end as it would without the relay.
            let _ = to.shutdown().await;
        };
        tokio::join!(read, write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_byte_takes_its_time_and_a_connection_one_round_trip_more() {
        const RTT: Duration = Duration::from_millis(40);
        let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = Relay::start(echo.local_addr().unwrap(), RTT).await.unwrap();
        let start = Instant::now();
        let mut client = TcpStream::connect(relay.address()).await.unwrap();
        let (mut server, _) = echo.accept().await.unwrap();
        let mut took = Vec::new();
        for byte in [1, 2] {
            let start = if byte == 1 { start } else { Instant::now() };
            client.write_u8(byte).await.unwrap();
            let got = server.read_u8().await.unwrap();
            server.write_u8(got + 1).await.unwrap();
            assert_eq!(client.read_u8().await.unwrap(), byte + 1);
            took.push(start.elapsed());
        }
        assert!(took[0] >= 2 * RTT && took[1] >= RTT, "{took:?}");
        assert_eq!(relay.traffic().take(), (2, 2));
    }
}
