//! Connections, and which of them are kept for the next request.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use tokio::task::{AbortHandle, spawn_local, yield_now};

use super::Pieces;
use super::stream::Stream;

/// A connection that was idle for longer is replaced. AWS load balancers close after 60 s of silence, NAT
/// gateways forget after 350 s and then swallow packets; a fresh handshake costs less than a request lost on
/// a dead one.
pub(crate) const LONGEST_IDLE: Duration = Duration::from_secs(50);

/// Which HTTP a server is spoken to in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// One request at a time per connection.
    Http1,
    /// Many requests on one connection: what gRPC is made of.
    Http2,
}

/// An open connection.
pub(super) struct Connection {
    sender: Sender,
    driver: Rc<Driver>,
}

enum Sender {
    Http1(http1::SendRequest<Pieces>),
    Http2(http2::SendRequest<Pieces>),
}

/// The task that moves a connection's bytes, ended with the connection, and what is known of its health.
struct Driver {
    task: AbortHandle,
    /// By the wall clock: while a sandbox is frozen the monotonic clock may stand still, and sockets die.
    last_used: Cell<SystemTime>,
    /// A request on it failed, or was given up without an answer: it may be dead.
    suspect: Cell<bool>,
}

impl Connection {
    /// Speaks HTTP of `version` on `stream`.
    pub async fn open(stream: Stream, version: Version) -> Result<Connection, hyper::Error> {
        let io = TokioIo::new(stream);
        let (sender, task) = match version {
            Version::Http1 => {
                // `Content-Type`, as Go writes it: some old backends compare names by case.
                let (sender, driver) =
                    http1::Builder::new().title_case_headers(true).handshake::<_, Pieces>(io).await?;
                // How it ended is learned from the request that it carried, or does not matter.
                (Sender::Http1(sender), spawn_local(async { drop(driver.await) }))
            }
            Version::Http2 => {
                let (sender, driver) = http2::Builder::new(Local).handshake::<_, Pieces>(io).await?;
                (Sender::Http2(sender), spawn_local(async { drop(driver.await) }))
            }
        };
        let driver = Driver {
            task: task.abort_handle(),
            last_used: Cell::new(SystemTime::now()),
            suspect: Cell::new(false),
        };
        Ok(Connection { sender, driver: Rc::new(driver) })
    }

    /// Another handle for a second request side by side, where the protocol allows one.
    pub fn share(&self) -> Option<Connection> {
        match &self.sender {
            Sender::Http1(_) => None,
            Sender::Http2(sender) => {
                Some(Connection { sender: Sender::Http2(sender.clone()), driver: self.driver.clone() })
            }
        }
    }

    /// Sends a request and returns the answer's head. Until its end the [`Flight`] is on.
    pub async fn send(
        &mut self,
        request: Request<Pieces>,
    ) -> Result<(Response<Incoming>, Flight), hyper::Error> {
        let flight = Flight { driver: self.driver.clone(), landed: false };
        let response = match &mut self.sender {
            Sender::Http1(sender) => sender.send_request(request).await,
            Sender::Http2(sender) => sender.send_request(request).await,
        }?;
        Ok((response, flight))
    }

    fn is_usable(&self, now: SystemTime) -> bool {
        let open = match &self.sender {
            Sender::Http1(sender) => sender.is_ready(),
            Sender::Http2(sender) => sender.is_ready(),
        };
        // A clock that was set back says nothing about how long it was idle.
        let idle = now.duration_since(self.driver.last_used.get());
        open && !self.driver.suspect.get() && idle.is_ok_and(|idle| idle <= LONGEST_IDLE)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A request under way. Dropped before it landed (an error, a timeout, a cancelled export), it leaves its
/// connection suspect: whatever swallowed this request would swallow the next.
pub(super) struct Flight {
    driver: Rc<Driver>,
    landed: bool,
}

impl Flight {
    /// The whole answer is here: the connection is sound.
    pub fn landed(mut self) {
        self.driver.last_used.set(SystemTime::now());
        self.landed = true;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.landed {
            self.driver.suspect.set(true);
        }
    }
}

/// Connections that wait for a request.
#[derive(Default)]
pub(super) struct Pool(RefCell<Vec<Connection>>);

impl Pool {
    /// A connection that looked alive just now.
    pub async fn take(&self, now: SystemTime) -> Option<Connection> {
        if self.0.borrow().is_empty() {
            return None;
        }
        // That the server has closed a connection is known once its task has run: the first pause lets the
        // runtime hear of it, the second lets the task run, which may come after this one.
        yield_now().await;
        yield_now().await;
        let mut idle = self.0.borrow_mut();
        idle.retain(|connection| connection.is_usable(now));
        idle.last()?.share().or_else(|| idle.pop())
    }

    /// Keeps `connection` for the next request.
    pub fn keep(&self, connection: Connection) {
        self.0.borrow_mut().push(connection);
    }

    /// Drops what has waited since before now, since one of its kind was found dead and all went through the
    /// same freeze. An HTTP/2 connection speaks for itself: if it is the dead one, it is suspect already.
    pub fn distrust(&self) {
        self.0.borrow_mut().retain(|connection| matches!(connection.sender, Sender::Http2(_)));
    }
}

/// Runs the tasks of HTTP/2 connections on this thread.
#[derive(Clone)]
struct Local;

impl<F: Future<Output = ()> + 'static> Executor<F> for Local {
    fn execute(&self, task: F) {
        spawn_local(task);
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::LocalSet;

    use super::*;

    /// A pool that keeps one connection, and the server's end of it.
    async fn pool(version: Version) -> (Pool, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let pool = Pool::default();
        pool.keep(Connection::open(Stream::Plain(client), version).await.unwrap());
        (pool, server)
    }

    #[tokio::test]
    async fn a_connection_is_used_again_unless_it_was_idle_too_long_by_the_wall_clock() {
        LocalSet::new()
            .run_until(async {
                for version in [Version::Http1, Version::Http2] {
                    let second = Duration::from_secs(1);
                    for (later, used) in [
                        (Duration::ZERO, true),
                        (LONGEST_IDLE - second, true),
                        (LONGEST_IDLE + second, false),
                    ] {
                        let (pool, _server) = pool(version).await;
                        let taken = pool.take(SystemTime::now() + later).await;
                        assert_eq!(taken.is_some(), used, "{version:?} after {later:?}");
                    }
                }
            })
            .await;
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_makes_every_connection_doubtful() {
        LocalSet::new()
            .run_until(async {
                let (pool, _server) = pool(Version::Http1).await;
                assert!(pool.take(SystemTime::UNIX_EPOCH).await.is_none());
            })
            .await;
    }

    #[tokio::test]
    async fn a_connection_that_the_server_closed_is_seen_before_it_is_used() {
        LocalSet::new()
            .run_until(async {
                for version in [Version::Http1, Version::Http2] {
                    let (pool, server) = pool(version).await;
                    // Lets the connection's task wait for the server before the server goes.
                    yield_now().await;
                    drop(server);
                    assert!(pool.take(SystemTime::now()).await.is_none(), "{version:?}");
                }
            })
            .await;
    }
}
