//! A static web server for the page, good for tests: GET only, one folder, the MIME types that browsers insist on.

use std::path::{Component, Path, PathBuf};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The longest request head that is read, in bytes.
const HEAD_LEN_MAX: usize = 16 * 1024;

/// Serves a folder on a loopback port of the system's choice until the runtime ends. Gives the address of the page.
///
/// # Errors
/// When no port can be had.
pub async fn serve(folder: PathBuf) -> std::io::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://127.0.0.1:{}/", listener.local_addr()?.port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let folder = folder.clone();
            tokio::spawn(async move {
                // A browser that hangs up early is no failure of a test.
                let _ = answer(stream, &folder).await;
            });
        }
    });
    Ok(url)
}

async fn answer(mut stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut chunk = [0; 4096];
        let len = stream.read(&mut chunk).await?;
        if len == 0 || head.len() > HEAD_LEN_MAX {
            return Ok(());
        }
        head.extend_from_slice(&chunk[..len]);
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split_whitespace().nth(1).unwrap_or("/").split(['?', '#']).next().unwrap_or("/");
    let path = path.trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    let safe = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    let body = if safe { tokio::fs::read(folder.join(path)).await.ok() } else { None };
    let (status, body) = body.map_or(("404 Not Found", b"not found".to_vec()), |body| ("200 OK", body));
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
        mime(path),
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;
    stream.shutdown().await
}

fn mime(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript",
        "css" => "text/css",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "webmanifest" => "application/manifest+json",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}
