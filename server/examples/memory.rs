//! What lines take of the program's memory: at rest, after each has read a history once, and when
//! they have gone. `cargo xtask bench memory` runs it.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use tautline_protocol::downlink::{Downlink, Frames};
use tautline_protocol::message::{Cursor, Start};
use tautline_protocol::uplink::{Hello, Message, Uplink};
use tautline_protocol::{Epoch, Format, Kind, SUBPROTOCOL};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_tungstenite::tungstenite::Message as Packet;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// What lines take of the program's memory.
#[derive(Parser)]
struct Options {
    /// How many lines
    #[arg(long, default_value_t = 2_000)]
    lines: u32,
    /// The program; that beside this one unless told otherwise
    #[arg(long)]
    program: Option<PathBuf>,
    /// Seconds that lines rest before memory is looked at: a heartbeat, after which they let go of it
    #[arg(long, default_value_t = 16)]
    rest: u64,
}

/// The history that every line reads: so many entries of so many bytes.
const ENTRIES: u32 = 1_000;
const ENTRY: &str = "an entry of a hundred bytes, or as near to a hundred bytes as it has to be for what is measured here";

struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    async fn start(options: &Options) -> Result<Self, Box<dyn Error>> {
        let beside = std::env::current_exe()?.with_file_name("../tautline-server");
        let path = options.program.clone().unwrap_or(beside);
        let connections = (options.lines + 10).to_string();
        let mut child = Command::new(path)
            .args(["--engine", "memory", "--listen", "127.0.0.1:0", "--log", "error"])
            .args(["--connections", &connections, "--connections-per-address", &connections])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let line = lines.next_line().await?.ok_or("the program has ended")?;
        let address = line.strip_prefix("listening on http://").ok_or(line.clone())?.parse()?;
        Ok(Self { child, address })
    }

    /// What it has in memory, in bytes.
    fn resident(&self) -> Result<u64, Box<dyn Error>> {
        let id = self.child.id().ok_or("the program has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }
}

struct Line {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Line {
    async fn join(address: SocketAddr, number: u32) -> Result<Self, Box<dyn Error>> {
        let mut request = format!("ws://{address}/line").into_client_request()?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", SUBPROTOCOL.parse()?);
        let (socket, _) = connect_async(request).await?;
        let mut session = [0; 16];
        session[..4].copy_from_slice(&number.to_be_bytes());
        let mut line = Self { socket };
        line.say(&[Uplink::Hello(Hello {
            session,
            epoch: Epoch::NONE,
            connection: 1,
            acknowledged: 0,
            restart: 1,
            received: 0,
            handled: 0,
            credentials: b"",
        })])
        .await?;
        line.hear(|frame| matches!(frame, Downlink::Welcome(_))).await?;
        Ok(line)
    }

    async fn say(&mut self, frames: &[Uplink<'_>]) -> Result<(), Box<dyn Error>> {
        let mut packet = Vec::new();
        frames.iter().for_each(|frame| frame.encode(&mut packet));
        Ok(self.socket.send(Packet::binary(packet)).await?)
    }

    /// Reads until this has come.
    async fn hear(&mut self, is_it: impl Fn(&Downlink<'_>) -> bool) -> Result<(), Box<dyn Error>> {
        loop {
            match self.socket.next().await.ok_or("the line has ended")?? {
                Packet::Binary(packet)
                    if Frames::new(&packet).any(|frame| frame.as_ref().is_ok_and(&is_it)) =>
                {
                    return Ok(());
                }
                Packet::Close(frame) => return Err(format!("a line was closed: {frame:?}").into()),
                _ => {}
            }
        }
    }

    /// Publishes the history, in a packet for every few entries.
    async fn publish(&mut self) -> Result<(), Box<dyn Error>> {
        for seq in 1..=ENTRIES {
            self.say(&[Uplink::Message(Message {
                kind: Kind::Publish,
                format: Format::Text,
                possible_duplicate: false,
                seq_low: Some(seq.to_le_bytes()[0]),
                topic: "history",
                payload: ENTRY.as_bytes(),
            })])
            .await?;
        }
        self.hear(|frame| matches!(frame, Downlink::Ack { seq } if *seq == ENTRIES.into())).await
    }

    /// Reads all of the history, and says that it is handled.
    async fn read_history(&mut self) -> Result<(), Box<dyn Error>> {
        let cursor = Cursor { epoch: Epoch::NONE, received: 0, handled: 0 };
        let start = Start::After(cursor);
        self.say(&[Uplink::Subscribe { stream: 1, topic: "history", start }]).await?;
        let last = u64::from(ENTRIES);
        self.hear(|frame| matches!(frame, Downlink::Entry { offset, .. } if *offset == last))
            .await?;
        self.say(&[Uplink::Received { stream: 1, offset: last }]).await
    }
}

/// Keeps lines alive, which answer PINGs by being read. Nothing else comes.
async fn rest(lines: &mut [Line], seconds: u64) -> Result<(), Box<dyn Error>> {
    let until = tokio::time::Instant::now() + Duration::from_secs(seconds);
    while tokio::time::Instant::now() < until {
        for line in lines.iter_mut() {
            line.say(&[Uplink::Pong { nonce: 0 }]).await?;
        }
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let program = Program::start(&options).await?;
    let count = u64::from(options.lines);
    let before = program.resident()?;
    println!("the program alone: {} KiB", before / 1024);
    let each = |resident: u64| resident.saturating_sub(before) as f64 / 1024.0 / count as f64;

    let mut lines = Vec::new();
    for number in 1..=options.lines {
        lines.push(Line::join(program.address, number).await?);
    }
    println!("{count} idle lines: {:.1} KiB each", each(program.resident()?));
    rest(&mut lines, options.rest).await?;
    println!("rested: {:.1} KiB each", each(program.resident()?));

    Line::join(program.address, u32::MAX).await?.publish().await?;
    for line in &mut lines {
        line.read_history().await?;
    }
    println!("each has read {} kB: {:.1} KiB each", ENTRIES / 10, each(program.resident()?));
    rest(&mut lines, options.rest).await?;
    println!("rested: {:.1} KiB each", each(program.resident()?));

    drop(lines);
    tokio::time::sleep(Duration::from_secs(options.rest)).await;
    let left = program.resident()?.saturating_sub(before);
    println!("they have gone: {} KiB are left", left / 1024);
    Ok(())
}
