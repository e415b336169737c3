//! The one HTTP client: connections to one server, kept across invocations and replaced when they may be
//! dead.

mod answer;
mod body;
pub(crate) mod compression;
mod connect;
mod failure;
mod pool;
mod proxy;
mod stream;
pub(crate) mod tls;
mod url;
mod way;

use std::rc::Rc;
use std::time::SystemTime;

use http::header::{HOST, PROXY_AUTHORIZATION};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};

pub(crate) use answer::Answer;
pub(crate) use body::Pieces;
pub(crate) use connect::{Connector, Tls};
pub(crate) use failure::Failure;
pub(crate) use pool::Version;
pub(crate) use proxy::Proxy;
pub(crate) use tls::SharedTls;
pub(crate) use url::{Origin, Url, flaw, has_scheme, unfilled};
pub(crate) use way::Way;

use crate::auth::Authenticator;
use answer::MOST_OF_ANSWER;
use pool::{Connection, Pool};

/// Sends requests to one server. Opens connections as they are needed: several for parallel requests in
/// HTTP/1.1, one for all in HTTP/2.
///
/// Dropping the future of a request cancels it; its connection is not used again.
pub(crate) struct Client {
    connector: Connector,
    version: Version,
    authority: Authority,
    authenticator: Option<Rc<dyn Authenticator>>,
    most_of_answer: usize,
    pool: Pool,
    /// Held while an HTTP/2 connection is opened, so that those who come meanwhile share it.
    opening: tokio::sync::Mutex<()>,
}

impl Client {
    /// A client for the connector's server. `authority` is what the server is told that it is called, its
    /// host and port if absent. Opens nothing.
    ///
    /// # Errors
    /// Why `authority` can't be one.
    pub fn new(connector: Connector, version: Version, authority: Option<&str>) -> Result<Client, String> {
        let name = authority.map_or_else(|| connector.origin.authority(), str::to_owned);
        let authority =
            Authority::try_from(&*name).map_err(|_| format!("not a name of a server: {}", flaw(&name)))?;
        let (pool, opening) = (Pool::default(), tokio::sync::Mutex::default());
        let (authenticator, most_of_answer) = (None, MOST_OF_ANSWER);
        Ok(Client { connector, version, authority, authenticator, most_of_answer, pool, opening })
    }

    /// The same, reading so many bytes of an answer's body.
    #[must_use]
    pub fn reading(self, most_of_answer: usize) -> Client {
        Client { most_of_answer, ..self }
    }

    /// The same, with `authenticator` to prove who sends each request.
    #[must_use]
    pub fn authenticated(self, authenticator: Option<Rc<dyn Authenticator>>) -> Client {
        Client { authenticator, ..self }
    }

    /// The server.
    pub fn origin(&self) -> &Origin {
        &self.connector.origin
    }

    /// Asks for `path` and reads the answer.
    ///
    /// # Errors
    /// No answer came.
    pub async fn get(&self, path: &PathAndQuery, headers: HeaderMap) -> Result<Answer, Failure> {
        let opened = self.connection().await?;
        self.send(opened, self.request(Method::GET, path, headers, Vec::new().into())?).await
    }

    /// Posts `body` and reads the answer. The body is made once there is a connection: what is costly to make
    /// costs nothing while nobody listens. What proves the sender is added last, since it may sign the body.
    ///
    /// A kept connection may have died unseen. If a request on one gets no answer, it is sent once more on a
    /// fresh one at once; the outbox would do the same, but only after its back-off.
    ///
    /// # Errors
    /// No answer came, or the sender could not be proved.
    pub async fn post(
        &self,
        path: &PathAndQuery,
        headers: HeaderMap,
        body: impl Future<Output = Pieces>,
    ) -> Result<Answer, Failure> {
        let opened = self.connection().await?;
        self.send(opened, self.request(Method::POST, path, headers, body.await)?).await
    }

    /// Sends `request` with what proves the sender, and once more if that learns from the answer.
    async fn send(&self, opened: (Connection, bool), request: Request<Pieces>) -> Result<Answer, Failure> {
        let Some(authenticator) = &self.authenticator else { return self.deliver(opened, request).await };
        let mut authenticated = request.clone();
        authenticator.authenticate(&mut authenticated).await?;
        let sent = authenticated.headers().clone();
        let answer = self.deliver(opened, authenticated).await?;
        if !authenticator.learns(&sent, &answer) {
            return Ok(answer);
        }
        let mut again = request;
        authenticator.authenticate(&mut again).await?;
        self.deliver(self.connection().await?, again).await
    }

    /// Sends `request` on a connection, and on a fresh one if that was a kept one and gives no answer.
    async fn deliver(
        &self,
        (connection, kept): (Connection, bool),
        request: Request<Pieces>,
    ) -> Result<Answer, Failure> {
        if !kept {
            return self.exchange(connection, request).await;
        }
        if let Ok(answer) = self.exchange(connection, request.clone()).await {
            return Ok(answer);
        }
        self.pool.distrust();
        let (connection, _) = self.connection().await?;
        self.exchange(connection, request).await
    }

    /// A connection, and whether it was used before.
    async fn connection(&self) -> Result<(Connection, bool), Failure> {
        if let Some(kept) = self.pool.take(SystemTime::now()).await {
            return Ok((kept, true));
        }
        let alone = match self.version {
            Version::Http1 => None,
            Version::Http2 => Some(self.opening.lock().await),
        };
        if alone.is_some()
            && let Some(kept) = self.pool.take(SystemTime::now()).await
        {
            return Ok((kept, true));
        }
        let alpn: &[u8] = match self.version {
            Version::Http1 => b"http/1.1",
            Version::Http2 => b"h2",
        };
        let stream = self.connector.connect(alpn).await?;
        let opened = Connection::open(stream, self.version).await.map_err(|error| self.lost(&error))?;
        if let Some(shared) = opened.share() {
            self.pool.keep(shared);
        }
        Ok((opened, false))
    }

    async fn exchange(
        &self,
        mut connection: Connection,
        request: Request<Pieces>,
    ) -> Result<Answer, Failure> {
        let (response, flight) = connection.send(request).await.map_err(|error| self.lost(&error))?;
        let answer = Answer::read(response, self.most_of_answer).await;
        if answer.broken.is_none() {
            flight.landed();
            if self.version == Version::Http1 {
                self.pool.keep(connection);
            }
        }
        Ok(answer)
    }

    fn request(
        &self,
        method: Method,
        path: &PathAndQuery,
        mut headers: HeaderMap,
        body: Pieces,
    ) -> Result<Request<Pieces>, Failure> {
        let plain_proxy = self.connector.proxy.as_ref().filter(|_| !self.connector.tunnel);
        let uri = if self.version == Version::Http2 || plain_proxy.is_some() {
            Uri::builder()
                .scheme(self.origin().scheme())
                .authority(self.authority.clone())
                .path_and_query(path.clone())
                .build()
                .map_err(|error| Failure::new("request", &error))?
        } else {
            path.clone().into()
        };
        if self.version == Version::Http1 && !headers.contains_key(HOST) {
            let host = HeaderValue::from_str(self.authority.as_str());
            headers.insert(HOST, host.map_err(|error| Failure::new("request", &error))?);
        }
        if let Some(credentials) = plain_proxy.and_then(|proxy| proxy.credentials.clone()) {
            headers.insert(PROXY_AUTHORIZATION, credentials);
        }
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }

    fn lost(&self, error: &hyper::Error) -> Failure {
        Failure::new(&format!("connection to {}", self.origin().host_and_port()), error)
    }
}
