//! Connections that are still at HTTP: they are bounded, and the one that has been quiet for the longest
//! makes room for the next, so that nobody who says nothing keeps others out.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, IoSlice};
use std::mem;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tautline_protocol::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::admission::network;
use crate::clock::Clock;
use crate::config::Config;

/// All that are open.
#[derive(Debug)]
pub(crate) struct Sockets {
    most: usize,
    most_of_address: usize,
    clock: Clock,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    all: BTreeMap<u64, Socket>,
    of: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Socket {
    address: IpAddr,
    activity: Activity,
    make_room: CancellationToken,
}

/// When the peer of a socket has last shown that it is there: bytes have come, or a socket that was full has
/// taken more.
#[derive(Clone, Debug)]
pub(crate) struct Activity(Arc<AtomicU64>);

impl Activity {
    fn new(at: Instant) -> Self {
        Self(Arc::new(AtomicU64::new(at.as_millis())))
    }

    fn note(&self, at: Instant) {
        self.0.store(at.as_millis(), Ordering::Relaxed);
    }

    pub(crate) fn last(&self) -> Instant {
        Instant::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Counts as one socket until dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    sockets: Arc<Sockets>,
    number: u64,
    pub(crate) activity: Activity,
    /// Cancelled when the socket is to be closed, for another.
    pub(crate) make_room: CancellationToken,
}

impl Sockets {
    pub(crate) fn new(config: &Config, clock: Clock) -> Self {
        Self {
            most: config.connections.max(1),
            most_of_address: config.connections_per_address.max(1),
            clock,
            open: Mutex::default(),
        }
    }

    /// Takes a socket in, and turns the quietest out if there are too many: of its address, or of all.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Seat {
        let address = network(address);
        let (activity, make_room) = (Activity::new(self.clock.now()), CancellationToken::new());
        let mut open = self.lock();
        if open.of.get(&address).is_some_and(|count| *count >= self.most_of_address) {
            open.turn_out_quietest(Some(address));
        } else if open.all.len() >= self.most {
            open.turn_out_quietest(None);
        }
        let number = open.next;
        open.next += 1;
        *open.of.entry(address).or_default() += 1;
        let socket = Socket { address, activity: activity.clone(), make_room: make_room.clone() };
        open.all.insert(number, socket);
        drop(open);
        Seat { sockets: self.clone(), number, activity, make_room }
    }

    /// Turns the quietest out, because the system has no room for another; false if there is none.
    pub(crate) fn turn_out_quietest(&self) -> bool {
        self.lock().turn_out_quietest(None)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn turn_out_quietest(&mut self, of: Option<IpAddr>) -> bool {
        let candidates =
            self.all.iter().filter(|(_, socket)| of.is_none_or(|of| socket.address == of));
        let quietest = candidates.min_by_key(|(_, socket)| socket.activity.last());
        let Some(number) = quietest.map(|(number, _)| *number) else { return false };
        if let Some(socket) = self.remove(number) {
            socket.make_room.cancel();
        }
        true
    }

    fn remove(&mut self, number: u64) -> Option<Socket> {
        let socket = self.all.remove(&number)?;
        if let Some(count) = self.of.get_mut(&socket.address) {
            *count -= 1;
            if *count == 0 {
                self.of.remove(&socket.address);
            }
        }
        Some(socket)
    }
}

impl Seat {
    /// The socket, watched for whether it is quiet.
    pub(crate) fn watch(&self, stream: TcpStream) -> Watched {
        let (clock, activity) = (self.sockets.clock, self.activity.clone());
        Watched { stream, clock, activity, was_full: false }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.sockets.lock().remove(self.number);
    }
}

/// A socket that notes when its peer shows that it is there.
#[derive(Debug)]
pub(crate) struct Watched {
    stream: TcpStream,
    clock: Clock,
    activity: Activity,
    /// It took nothing more.
    was_full: bool,
}

impl Watched {
    fn stream(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.get_mut().stream)
    }

    /// A write alone does not show that there is a peer: the bytes may just lie in the system's buffer. A write
    /// that succeeds after the buffer was full does, because the peer has taken bytes out of it.
    fn note_write(&mut self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Pending => self.was_full = true,
            Poll::Ready(Ok(1..)) if mem::take(&mut self.was_full) => self.note(),
            Poll::Ready(_) => {}
        }
    }

    fn note(&self) {
        self.activity.note(self.clock.now());
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(self.as_mut().stream().poll_read(cx, buffer));
        if buffer.filled().len() > before {
            self.note();
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.as_mut().stream().poll_write(cx, bytes);
        self.note_write(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.as_mut().stream().poll_write_vectored(cx, bytes);
        self.note_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn sockets(most: usize, most_of_address: usize) -> Arc<Sockets> {
        let config = Config {
            connections: most,
            connections_per_address: most_of_address,
            ..Config::default()
        };
        Arc::new(Sockets::new(&config, Clock::start()))
    }

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[tokio::test(start_paused = true)]
    async fn the_quietest_makes_room() {
        let sockets = sockets(3, 3);
        let mut seats = Vec::new();
        for last in 1..=3 {
            seats.push(sockets.admit(address(last)));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        // The oldest has just said something.
        seats[0].activity.note(sockets.clock.now());
        let _fourth = sockets.admit(address(4));
        let out: Vec<_> = seats.iter().map(|seat| seat.make_room.is_cancelled()).collect();
        assert_eq!(out, [false, true, false]);
        // It does not count any more, nor when it is gone.
        assert_eq!(sockets.lock().all.len(), 3);
        drop(seats);
        let open = sockets.lock();
        assert_eq!((open.all.len(), open.of.len()), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_has_all_it_may_makes_room_for_itself() {
        let sockets = sockets(10, 2);
        let other = sockets.admit(address(1));
        tokio::time::advance(Duration::from_secs(1)).await;
        let first = sockets.admit(address(2));
        let _second = sockets.admit(address(2));
        let _third = sockets.admit(address(2));
        assert!(first.make_room.is_cancelled() && !other.make_room.is_cancelled());
    }

    #[test]
    fn any_bound_will_do() {
        let sockets = sockets(usize::MAX, usize::MAX);
        let seat = sockets.admit(address(1));
        assert!(!seat.make_room.is_cancelled());
        assert!(sockets.turn_out_quietest() && seat.make_room.is_cancelled());
        assert!(!sockets.turn_out_quietest());
    }

    // PROTOCOL.md S-36.
    #[tokio::test]
    async fn a_socket_shows_its_peer_by_what_comes_and_by_room_that_was_not_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let seat = sockets(1, 1).admit(address(1));
        let mut watched = seat.watch(listener.accept().await.unwrap().0);
        let never = Instant::from_millis(0);
        let has_shown = || {
            seat.activity.last() != never && {
                seat.activity.note(never);
                true
            }
        };
        let pause = async || tokio::time::sleep(Duration::from_millis(20)).await;
        pause().await;
        seat.activity.note(never);
        while let Some(written) = watched.write(&[0; 65_536]).now_or_never() {
            written.unwrap();
        }
        assert!(!has_shown(), "it has only been filled");
        let mut taken = vec![0; 65_536];
        let writing = watched.write(&[0; 1]);
        let reading = async {
            loop {
                peer.read_exact(&mut taken).await.unwrap();
            }
        };
        tokio::select! {
            written = writing => assert_eq!(written.unwrap(), 1),
            () = reading => {}
        }
        assert!(has_shown(), "there was room again");
        peer.write_all(&[1]).await.unwrap();
        assert_eq!(watched.read(&mut taken).await.unwrap(), 1);
        assert!(has_shown(), "a byte came");
    }
}
