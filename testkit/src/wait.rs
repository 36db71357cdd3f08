//! Waiting with an end.

use std::{future::Future, io, time::Duration};

use tokio::time::{Instant, sleep, timeout};

/// How long anything that should happen may take. Far more than it takes: only a failed test waits for it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for a future, but not for ever.
///
/// # Errors
/// The future's own, or [`io::ErrorKind::TimedOut`] after [`PATIENCE`].
pub async fn soon<T>(what: &str, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("{what}: nothing after {PATIENCE:?}"));
    timeout(PATIENCE, future).await.map_err(|_| late())?
}

/// Asks again and again until the answer is `Ok`: for what announces itself by no event.
///
/// # Errors
/// The last answer, after [`PATIENCE`].
pub async fn eventually<T>(mut ask: impl AsyncFnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => sleep(Duration::from_millis(10)).await,
            value => return value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn eventually_asks_until_it_is_so() {
        let mut asked = 0;
        let ask = async || {
            asked += 1;
            if asked < 3 { anyhow::bail!("not yet") } else { Ok(asked) }
        };
        assert_eq!(eventually(ask).await.unwrap(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_waited_for_without_end() {
        let never = std::future::pending::<io::Result<()>>();
        assert_eq!(soon("never", never).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(eventually(async || anyhow::Result::<()>::Err(anyhow::anyhow!("no"))).await.is_err());
    }
}
