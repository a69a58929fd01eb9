//! A client for tests: the protocol's own machine over a real WebSocket.

use std::collections::VecDeque;
use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tautline_protocol::client::{
    Client as Machine, Config, Credentials, End, Event, Failure, Input, MessageId, Missing, Output,
    State, WhenUncertain,
};
use tautline_protocol::{
    CloseCode, Epoch, Format, Instant, Kind, Offset, SUBPROTOCOL, Seed, Start, StreamId, backoff,
};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::world::soon;

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What the machine told its application.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    State(State),
    Lost {
        accepted_known: bool,
        direct_missing: bool,
    },
    Acknowledged(MessageId),
    Reply {
        id: MessageId,
        text: String,
    },
    Refused {
        id: MessageId,
        code: String,
        reason: String,
    },
    Failed {
        first: MessageId,
        last: MessageId,
        failure: Failure,
    },
    Message {
        stream: StreamId,
        offset: Offset,
        text: String,
    },
    Subscribed {
        stream: StreamId,
        epoch: Epoch,
        offset: Offset,
    },
    SubscribeRefused {
        stream: StreamId,
        code: String,
    },
    Gap {
        stream: StreamId,
        missing: Missing,
    },
    Closed {
        end: End,
        reason: String,
    },
    /// It was asked for credentials, and has given them.
    Asked,
}

pub(crate) struct Client {
    pub(crate) machine: Machine,
    address: SocketAddr,
    socket: Option<Socket>,
    told: VecDeque<Told>,
    clock: tokio::time::Instant,
    /// What it brings whenever it is asked for credentials.
    pub(crate) credentials: Vec<u8>,
    /// Entries count as handled when they have come.
    pub(crate) handles: bool,
    wake_at: Option<Instant>,
}

impl Client {
    /// A client with a session of its own.
    pub(crate) fn new(address: SocketAddr, session: u8) -> Self {
        Self::with_name(address, session, "alice")
    }

    pub(crate) fn with_name(address: SocketAddr, session: u8, name: &str) -> Self {
        Self::with(address, session, name, WhenUncertain::Resend)
    }

    /// A client that would rather have messages fail than arrive twice.
    pub(crate) fn failing(address: SocketAddr, session: u8) -> Self {
        Self::with(address, session, "alice", WhenUncertain::Fail)
    }

    fn with(address: SocketAddr, session: u8, name: &str, when_uncertain: WhenUncertain) -> Self {
        // A test has no need to spare the server.
        let backoff = backoff::Config { base_ms: 5, cap_ms: 10 };
        let credentials = Credentials::Ask;
        let config = Config { credentials, when_uncertain, backoff, ..Config::default() };
        let seed = Seed { session: [session; 16], random: session.into() };
        Self {
            machine: Machine::new(config, seed, Instant::from_millis(0)),
            address,
            socket: None,
            told: VecDeque::new(),
            clock: tokio::time::Instant::now(),
            credentials: name.into(),
            handles: true,
            wake_at: None,
        }
    }

    /// A client whose line is open.
    pub(crate) async fn open(address: SocketAddr, session: u8) -> Self {
        let mut client = Self::new(address, session);
        client.opened().await;
        client
    }

    #[track_caller]
    pub(crate) fn opened(&mut self) -> impl Future<Output = ()> {
        self.until(|told| (*told == Told::State(State::Open)).then_some(()))
    }

    pub(crate) fn message(&mut self, kind: Kind, topic: &str, text: &str) -> MessageId {
        self.machine.send(kind, Format::Text, topic, text).unwrap()
    }

    pub(crate) fn send(&mut self, text: &str) -> MessageId {
        self.message(Kind::Send, "", text)
    }

    pub(crate) fn publish(&mut self, topic: &str, text: &str) -> MessageId {
        self.message(Kind::Publish, topic, text)
    }

    #[track_caller]
    pub(crate) fn request(&mut self, text: &str) -> impl Future<Output = String> {
        let id = self.message(Kind::Request, "", text);
        self.until(move |told| match told {
            Told::Reply { id: of, text } if *of == id => Some(text.clone()),
            _ => None,
        })
    }

    #[track_caller]
    pub(crate) fn acknowledged(&mut self, id: MessageId) -> impl Future<Output = ()> {
        self.until(move |told| match told {
            Told::Acknowledged(through) if *through >= id => Some(()),
            _ => None,
        })
    }

    #[track_caller]
    pub(crate) fn refused(&mut self, id: MessageId) -> impl Future<Output = (String, String)> {
        self.until(move |told| match told {
            Told::Refused { id: of, code, reason } if *of == id => {
                Some((code.clone(), reason.clone()))
            }
            _ => None,
        })
    }

    /// Subscribes, and waits for the confirmation; returns the stream and where it starts.
    pub(crate) async fn subscribe(&mut self, topic: &str, start: Start) -> (StreamId, Offset) {
        let stream = self.machine.subscribe(topic, start).unwrap();
        let offset = self
            .until(move |told| match told {
                Told::Subscribed { stream: of, offset, .. } if *of == stream => Some(*offset),
                _ => None,
            })
            .await;
        (stream, offset)
    }

    /// The next message of a stream, with everything that was told before it dropped.
    #[track_caller]
    pub(crate) fn next(&mut self, stream: StreamId) -> impl Future<Output = (Offset, String)> {
        self.until(move |told| match told {
            Told::Message { stream: of, offset, text } if *of == stream => {
                Some((*offset, text.clone()))
            }
            _ => None,
        })
    }

    #[track_caller]
    pub(crate) fn closed(&mut self) -> impl Future<Output = (End, String)> {
        self.until(|told| match told {
            Told::Closed { end, reason } => Some((*end, reason.clone())),
            _ => None,
        })
    }

    /// Lets the line work until it has told what `pick` looks for; what came before is dropped.
    #[track_caller]
    pub(crate) fn until<T>(
        &mut self,
        mut pick: impl FnMut(&Told) -> Option<T>,
    ) -> impl Future<Output = T> {
        soon(async move {
            loop {
                self.drain().await;
                while let Some(told) = self.told.pop_front() {
                    if let Some(picked) = pick(&told) {
                        return picked;
                    }
                }
                self.step().await;
            }
        })
    }

    /// All that is told, up to what `last` looks for.
    pub(crate) async fn all_until(&mut self, mut last: impl FnMut(&Told) -> bool) -> Vec<Told> {
        let mut all = Vec::new();
        let pick = |told: &Told| {
            all.push(told.clone());
            last(told).then_some(())
        };
        self.until(pick).await;
        all
    }

    /// Cuts the connection, without a word.
    pub(crate) fn cut(&mut self) {
        self.socket = None;
        let now = self.now();
        self.machine.handle_input(Input::Closed(CloseCode(1006)), now);
    }

    fn now(&self) -> Instant {
        let elapsed = self.clock.elapsed().as_millis();
        Instant::from_millis(u64::try_from(elapsed).unwrap())
    }

    /// Waits for something to happen, and takes it.
    async fn step(&mut self) {
        let wake_at =
            self.wake_at.map(|at| self.clock + std::time::Duration::from_millis(at.as_millis()));
        let timer = async {
            match wake_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let arrival = async {
            match &mut self.socket {
                Some(socket) => socket.next().await,
                None => std::future::pending().await,
            }
        };
        let input = tokio::select! {
            arrival = arrival => match arrival {
                Some(Ok(Message::Binary(packet))) => Input::Packet(packet.into()),
                Some(Ok(Message::Text(_))) => Input::Text,
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map_or(1005, |frame| frame.code.into());
                    self.socket = None;
                    Input::Closed(CloseCode(code))
                }
                Some(Ok(_)) => Input::Woke,
                Some(Err(_)) | None => {
                    self.socket = None;
                    Input::Closed(CloseCode(1006))
                }
            },
            () = timer => Input::Woke,
        };
        let now = self.now();
        self.machine.handle_input(input, now);
    }

    async fn drain(&mut self) {
        loop {
            match self.machine.poll_output() {
                Output::Authorize { attempt } => {
                    self.machine.authorize(attempt, Some(&self.credentials));
                    self.told.push_back(Told::Asked);
                }
                Output::Dial => self.dial().await,
                Output::Transmit(packet) => {
                    let packet = Message::binary(packet.to_vec());
                    if let Some(socket) = &mut self.socket {
                        // A broken connection shows itself to the reader.
                        let _ = socket.send(packet).await;
                    }
                }
                Output::HangUp(_) => self.socket = None,
                Output::Event(event) => {
                    let told = tell(event);
                    if let Told::Message { stream, offset, .. } = told
                        && self.handles
                    {
                        self.machine.handled(stream, offset);
                    }
                    self.told.push_back(told);
                }
                Output::Idle { wake_at } => {
                    self.wake_at = wake_at;
                    return;
                }
            }
        }
    }

    async fn dial(&mut self) {
        self.socket = dial(self.address).await;
        let input = match &self.socket {
            Some(_) => Input::Opened,
            None => Input::Closed(CloseCode(1006)),
        };
        let now = self.now();
        self.machine.handle_input(input, now);
    }
}

/// Opens a WebSocket that speaks the protocol; `None` if the server is not there.
pub(crate) async fn dial(address: SocketAddr) -> Option<Socket> {
    let mut request = format!("ws://{address}/line").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
    let (socket, _) = tokio_tungstenite::connect_async(request).await.ok()?;
    Some(socket)
}

fn tell(event: Event<'_>) -> Told {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match event {
        Event::State { state, .. } => Told::State(state),
        Event::Lost { accepted_known, direct_missing } => {
            Told::Lost { accepted_known, direct_missing }
        }
        Event::Acknowledged { through } => Told::Acknowledged(through),
        Event::Reply { id, payload, .. } => Told::Reply { id, text: text(payload) },
        Event::Refused { id, code, reason } => {
            Told::Refused { id, code: text(code), reason: text(reason) }
        }
        Event::Failed { first, last, failure } => Told::Failed { first, last, failure },
        Event::Message { stream, offset, payload, .. } => {
            Told::Message { stream, offset, text: text(payload) }
        }
        Event::Subscribed { stream, epoch, offset } => Told::Subscribed { stream, epoch, offset },
        Event::SubscribeRefused { stream, code, .. } => {
            Told::SubscribeRefused { stream, code: text(code) }
        }
        Event::Gap { stream, missing } => Told::Gap { stream, missing },
        Event::Closed { end, reason } => Told::Closed { end, reason: text(reason) },
    }
}
