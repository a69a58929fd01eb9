//! The files of `--static`: what lies in the directory, and nothing that is only near it.

use std::convert::Infallible;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use tautline_server::{Engine, Server};
use tower_http::services::ServeDir;
use tower_service::Service;

use super::lobby::Lobby;

/// Wherever this lies, a server's data does.
const DATABASE: &str = "tautline.db";
/// The one directory with a dot that is for everybody (RFC 8615).
const WELL_KNOWN: &str = ".well-known";
const INDEX: &str = "index.html";

/// What is served.
#[derive(Debug)]
pub(crate) struct Site {
    root: PathBuf,
    /// Files and directories that are not for anybody, wherever they lie.
    secret: Vec<PathBuf>,
}

impl Site {
    /// Serves `root`, but not what is `secret`. Errors are sentences.
    pub(crate) fn new(root: &Path, secret: &[&Path]) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("--static {}: {why}", root.display()));
        let secret: Vec<_> = secret.iter().filter_map(|path| path.canonicalize().ok()).collect();
        match root.canonicalize() {
            Ok(root) if root.is_dir() => {
                let is_data = |path: &Path| path.join(DATABASE).exists();
                if secret.iter().any(|secret| root.starts_with(secret))
                    || root.ancestors().any(is_data)
                {
                    return wrong("the server keeps its data there");
                }
                Ok(Self { root, secret })
            }
            _ => wrong("this is not a directory"),
        }
    }

    /// Whether a path leads to something that is served.
    fn has(&self, path: &str) -> bool {
        let Some(names) = names(path) else { return false };
        let wanted = names.iter().fold(self.root.clone(), |path, name| path.join(name));
        let Some(found) = self.found(&wanted) else { return false };
        if found.is_dir() {
            // Without its index there is nothing to see of a directory.
            return self.found(&found.join(INDEX)).is_some_and(|index| index.is_file());
        }
        // Nothing that would have to be waited for, such as a pipe.
        found.is_file()
    }

    /// Where a path leads, through all links, if that is served.
    fn found(&self, path: &Path) -> Option<PathBuf> {
        let found = fs::canonicalize(path).ok()?;
        let inside = found.strip_prefix(&self.root).ok()?;
        let is_hidden = inside.components().any(|component| match component {
            Component::Normal(name) => is_hidden(&name.to_string_lossy()),
            _ => true,
        });
        let is_secret = self.secret.iter().any(|secret| found.starts_with(secret));
        let mut directories = found.ancestors().take_while(|path| path.starts_with(&self.root));
        let is_data = directories.any(|path| path.join(DATABASE).exists());
        (!is_hidden && !is_secret && !is_data).then_some(found)
    }
}

fn is_hidden(name: &str) -> bool {
    name.starts_with('.') && name != WELL_KNOWN
}

/// The names in a URL's path; `None` if it is not one of a file. An empty name would make a redirect to
/// the path lead to another host, and so would a backslash.
fn names(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/')?;
    if path.is_empty() {
        return Some(Vec::new());
    }
    path.strip_suffix('/')
        .unwrap_or(path)
        .split('/')
        .map(|name| {
            // As the service decodes it that reads the file.
            let name = percent_decode_str(name).decode_utf8().ok()?.into_owned();
            let is_name = !name.is_empty() && !name.contains(['/', '\\', '\0']);
            (is_name && !is_hidden(&name)).then_some(name)
        })
        .collect()
}

/// Answers requests for files.
pub(crate) struct Files<E> {
    site: Arc<Site>,
    server: Server<Lobby, E>,
    files: ServeDir,
}

impl<E> Files<E> {
    pub(crate) fn new(site: Site, server: Server<Lobby, E>) -> Self {
        let files = ServeDir::new(&site.root);
        Self { site: Arc::new(site), server, files }
    }
}

impl<E> Clone for Files<E> {
    fn clone(&self) -> Self {
        let (site, server, files) = (self.site.clone(), self.server.clone(), self.files.clone());
        Self { site, server, files }
    }
}

impl<E: Engine> Service<Request> for Files<E> {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { Ok(this.answer(request).await) })
    }
}

impl<E: Engine> Files<E> {
    async fn answer(mut self, request: Request) -> Response {
        if let Err(sentence) = self.server.check_host(request.headers(), request.uri()) {
            return (StatusCode::FORBIDDEN, sentence).into_response();
        }
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let (site, path) = (self.site, request.uri().path().to_owned());
        // Links are followed on the disk.
        let has = tokio::task::spawn_blocking(move || site.has(&path)).await.unwrap_or(false);
        if is_read && !has {
            return (StatusCode::NOT_FOUND, "There is no such file.\n").into_response();
        }
        match self.files.call(request).await {
            Ok(response) => response.map(axum::body::Body::new),
            Err(never) => match never {},
        }
    }
}
