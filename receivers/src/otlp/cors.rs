//! Cross-origin requests of scripts in browsers: `cors`, by the rules of the Go server's library (rs/cors), which
//! are those of <https://fetch.spec.whatwg.org/#http-cors-protocol>.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use tower::{Layer, Service};

use super::config;

/// Methods that a script may use: the library's default, which no configuration changes.
const METHODS: [&str; 3] = ["GET", "POST", "HEAD"];
/// Headers that a script may send unless the configuration lists others: the library's default.
const HEADERS: [&str; 3] = ["accept", "content-type", "x-requested-with"];

/// Which scripts may talk to the receiver: a layer around what serves the other requests.
#[derive(Clone, Debug)]
pub(super) struct Cors(Rc<Rules>);

/// What a [`Cors`] layer makes of a service: preflight questions are answered, other answers are marked.
#[derive(Clone, Debug)]
pub(super) struct Marked<S> {
    cors: Cors,
    inner: S,
}

#[derive(Debug)]
struct Rules {
    origins: Vec<String>,
    headers: Vec<String>,
    exposed: Option<HeaderValue>,
    max_age: u32,
}

impl Cors {
    /// None if the configuration allows no origin.
    pub fn new(config: &config::Cors) -> Option<Self> {
        let lower = |list: &[String]| list.iter().map(|it| it.to_lowercase()).collect::<Vec<_>>();
        let mut headers = lower(&config.allowed_headers);
        if headers.is_empty() {
            headers = HEADERS.map(String::from).into();
        }
        let exposed = config.exposed_headers.join(", ");
        let rules = || Rules {
            origins: lower(&config.allowed_origins),
            headers,
            exposed: HeaderValue::from_str(&exposed).ok().filter(|it| !it.is_empty()),
            max_age: config.max_age,
        };
        (!config.allowed_origins.is_empty()).then(|| Cors(Rc::new(rules())))
    }
}

impl<S> Layer<S> for Cors {
    type Service = Marked<S>;

    fn layer(&self, inner: S) -> Marked<S> {
        Marked { cors: self.clone(), inner }
    }
}

impl<S, B, A> Service<Request<B>> for Marked<S>
where
    S: Service<Request<B>, Response = Response<A>>,
    S::Future: 'static,
    A: Default + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (cors, method, headers) =
            (self.cors.clone(), request.method().clone(), request.headers().clone());
        if let Some((status, headers)) = cors.0.preflight(&method, &headers) {
            let mut answer = Response::new(A::default());
            (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
            return Box::pin(async { Ok(answer) });
        }
        let answering = self.inner.call(request);
        Box::pin(async move {
            let mut answer = answering.await?;
            cors.0.mark(&method, &headers, answer.headers_mut());
            Ok(answer)
        })
    }
}

impl Rules {
    /// The answer to a browser that asks what a script may do, if `request` is such a question.
    fn preflight(&self, method: &Method, request: &HeaderMap) -> Option<(StatusCode, HeaderMap)> {
        let wanted = request.get(header::ACCESS_CONTROL_REQUEST_METHOD).filter(|it| !it.is_empty())?;
        if method != Method::OPTIONS {
            return None;
        }
        let mut answer = HeaderMap::new();
        let vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
        answer.insert(header::VARY, HeaderValue::from_static(vary));
        let asked = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        if let Some(origin) = self.allowed(request)
            && allows(wanted)
            && asked.is_none_or(|asked| self.accepts(asked))
        {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, wanted.clone());
            if let Some(asked) = asked.filter(|it| !it.is_empty()) {
                answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
            }
            answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            if self.max_age > 0 {
                answer.insert(header::ACCESS_CONTROL_MAX_AGE, self.max_age.into());
            }
        }
        Some((StatusCode::NO_CONTENT, answer))
    }

    /// Tells a browser whether the script may see the `answer` to `request`.
    fn mark(&self, method: &Method, request: &HeaderMap, answer: &mut HeaderMap) {
        answer.insert(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = self.allowed(request) else { return };
        if !METHODS.contains(&method.as_str()) && method != Method::OPTIONS {
            return;
        }
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if let Some(exposed) = &self.exposed {
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
        answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }

    /// What to answer to the origin of `request`, if it has one that is allowed.
    fn allowed(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let origin = request.get(header::ORIGIN).filter(|it| !it.is_empty())?;
        if self.origins.iter().any(|it| it == "*") {
            return Some(HeaderValue::from_static("*"));
        }
        let name = origin.to_str().ok()?.to_lowercase();
        let matches = |pattern: &String| match pattern.split_once('*') {
            None => *pattern == name,
            Some((start, end)) => {
                name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
            }
        };
        self.origins.iter().any(matches).then(|| origin.clone())
    }

    /// Whether all headers of the list `asked` are allowed. Browsers write them in lower case.
    fn accepts(&self, asked: &HeaderValue) -> bool {
        let known = |name: &str| name.is_empty() || self.headers.iter().any(|it| it == name || it == "*");
        asked.to_str().is_ok_and(|asked| asked.split(',').all(|name| known(name.trim_matches([' ', '\t']))))
    }
}

fn allows(method: &HeaderValue) -> bool {
    METHODS.iter().any(|it| method == it) || method == "OPTIONS"
}
