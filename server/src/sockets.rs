//! Connections that are still at HTTP: they are bounded, and the one that has been quiet for the longest
//! makes room for the next, so that nobody who says nothing keeps others out.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::admission::network;
use crate::config::Config;

/// All that are open.
#[derive(Debug)]
pub(crate) struct Sockets {
    most: usize,
    most_of_address: usize,
    begun: Instant,
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
    activity: Arc<Activity>,
    make_room: CancellationToken,
}

/// When bytes went over a socket last.
#[derive(Debug, Default)]
struct Activity {
    /// In milliseconds since the sockets were opened.
    at: AtomicU64,
    /// It is not at HTTP any more, and nobody wants to know.
    is_over: AtomicBool,
}

/// Counts as one socket until dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    sockets: Arc<Sockets>,
    number: u64,
    activity: Arc<Activity>,
    /// Cancelled when the socket is to be closed, for another.
    pub(crate) make_room: CancellationToken,
}

impl Sockets {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            most: config.connections.max(1),
            most_of_address: config.connections_per_address.max(1),
            begun: Instant::now(),
            open: Mutex::default(),
        }
    }

    /// Takes a socket in, and turns the quietest out if there are too many: of its address, or of all.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Seat {
        let address = network(address);
        let (activity, make_room) = (Arc::new(Activity::default()), CancellationToken::new());
        activity.at.store(self.now(), Ordering::Relaxed);
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

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn turn_out_quietest(&mut self, of: Option<IpAddr>) -> bool {
        let candidates =
            self.all.iter().filter(|(_, socket)| of.is_none_or(|of| socket.address == of));
        let quietest =
            candidates.min_by_key(|(_, socket)| socket.activity.at.load(Ordering::Relaxed));
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
        let (sockets, activity) = (self.sockets.clone(), self.activity.clone());
        Watched { stream, sockets, activity }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.activity.is_over.store(true, Ordering::Relaxed);
        self.sockets.lock().remove(self.number);
    }
}

/// A socket that notes when bytes go over it.
#[derive(Debug)]
pub(crate) struct Watched {
    stream: TcpStream,
    sockets: Arc<Sockets>,
    activity: Arc<Activity>,
}

impl Watched {
    fn stream(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.get_mut().stream)
    }

    fn note(&self, bytes: usize) {
        if bytes > 0 && !self.activity.is_over.load(Ordering::Relaxed) {
            self.activity.at.store(self.sockets.now(), Ordering::Relaxed);
        }
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
        self.note(buffer.filled().len() - before);
        Poll::Ready(read)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(self.as_mut().stream().poll_write(cx, bytes));
        self.note(*written.as_ref().unwrap_or(&0));
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(self.as_mut().stream().poll_write_vectored(cx, bytes));
        self.note(*written.as_ref().unwrap_or(&0));
        Poll::Ready(written)
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

    use super::*;

    fn sockets(most: usize, most_of_address: usize) -> Arc<Sockets> {
        let config = Config {
            connections: most,
            connections_per_address: most_of_address,
            ..Config::default()
        };
        Arc::new(Sockets::new(&config))
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
        seats[0].activity.at.store(sockets.now(), Ordering::Relaxed);
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
}
