//! D-Bus method calls through a daemon. A message of the client's is a call and the server's message is the reply
//! to it; where the client goes on without waiting for a message, the reply is empty, so that a stream is one
//! call after the other.

use super::dbus_daemon::Daemon;
use super::mechanism::{End, Handover, Mechanism, Prepared, Side, Waits};
use crate::Result;
use futures_util::StreamExt;
use serde_bytes::Bytes;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use tokio::runtime::Runtime;
use zbus::message::Type;
use zbus::{Connection, Message, MessageStream, connection};

const PATH: &str = "/isotonic/bench";
const METHOD: &str = "Take";

pub(super) struct DBus;

impl Mechanism for DBus {
    fn name(&self) -> &'static str {
        "D-Bus method call"
    }

    fn waits(&self) -> Waits {
        Waits::Sleeping
    }

    fn prepare(&self) -> Result<Prepared> {
        let daemon = Daemon::start()?;
        let (client, server) = UnixStream::pair()?;
        let mut prepared = Prepared::place(daemon.address().to_owned(), daemon);
        prepared.client.descriptors.push(client.into());
        prepared.server.descriptors.push(server.into());
        Ok(prepared)
    }

    fn open(&self, side: Side, handover: Handover) -> Result<Box<dyn End>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let address = handover.place.clone();
        let connection = runtime.block_on(async move {
            connection::Builder::address(address.as_str()).build().await
        })?;
        let [socket] = handover.take()?;
        let mut socket = UnixStream::from(socket);
        match side {
            Side::Server => {
                let bus = Bus::new(runtime, &connection);
                let own_name = connection.unique_name().ok_or("the daemon gave no name")?;
                writeln!(socket, "{own_name}")?;
                Ok(Box::new(Server { bus, call: None }))
            }
            Side::Client => {
                let mut server = String::new();
                BufReader::new(socket).read_line(&mut server)?;
                Ok(Box::new(Client {
                    bus: Bus::new(runtime, &connection),
                    server: server.trim_end().to_owned(),
                    called: false,
                }))
            }
        }
    }
}

/// A connection to the daemon.
struct Bus {
    runtime: Runtime,
    connection: Connection,
    incoming: MessageStream,
}

impl Bus {
    fn new(runtime: Runtime, connection: &Connection) -> Self {
        Self {
            runtime,
            connection: connection.clone(),
            incoming: connection.into(),
        }
    }

    fn send(&self, message: &Message) -> Result<()> {
        Ok(self.runtime.block_on(self.connection.send(message))?)
    }

    /// The next message of this type; the daemon sends others, too.
    fn next(&mut self, wanted: Type) -> Result<Message> {
        let incoming = &mut self.incoming;
        self.runtime.block_on(async {
            while let Some(message) = incoming.next().await {
                let message = message?;
                match message.message_type() {
                    Type::Error => return Err(format!("the daemon answers {message}").into()),
                    kind if kind == wanted => return Ok(message),
                    _ => {}
                }
            }
            Err("the daemon has gone".into())
        })
    }
}

fn copy_body(received: &Message, message: &mut [u8]) -> Result<()> {
    let body = received.body();
    let bytes: &[u8] = body.deserialize()?;
    if bytes.len() != message.len() {
        return Err(format!("{} B came, not {} B", bytes.len(), message.len()).into());
    }
    message.copy_from_slice(bytes);
    Ok(())
}

struct Client {
    bus: Bus,
    server: String,
    /// A call waits for its reply.
    called: bool,
}

impl End for Client {
    fn send(&mut self, message: &mut Vec<u8>) -> Result<()> {
        if self.called {
            self.bus.next(Type::MethodReturn)?;
        }
        let call = Message::method_call(PATH, METHOD)
            .destination(self.server.as_str())
            .build(&Bytes::new(message))?;
        self.called = true;
        self.bus.send(&call)
    }

    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()> {
        self.called = false;
        copy_body(&self.bus.next(Type::MethodReturn)?, message)
    }
}

struct Server {
    bus: Bus,
    /// The call that has no reply yet.
    call: Option<Message>,
}

impl Server {
    fn reply(&mut self, body: &[u8]) -> Result<()> {
        if let Some(call) = self.call.take() {
            let reply = Message::method_return(&call.header()).build(&Bytes::new(body))?;
            self.bus.send(&reply)?;
        }
        Ok(())
    }
}

impl End for Server {
    fn send(&mut self, message: &mut Vec<u8>) -> Result<()> {
        self.reply(message)
    }

    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()> {
        self.reply(&[])?;
        let call = self.bus.next(Type::MethodCall)?;
        copy_body(&call, message)?;
        self.call = Some(call);
        Ok(())
    }
}
