use std::pin::Pin;
use std::task::Poll;

/// How many are under way at the same time, so that many workspaces do not hammer the provider.
const AT_ONCE: usize = 8;

struct Running<F: Future> {
    future: Pin<Box<F>>,
    output: Option<F::Output>,
}

/// Runs futures side by side and returns their outputs in the same order. One that takes long holds up no other.
pub(super) async fn together<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<Running<F>> =
        futures.into_iter().map(|future| Running { future: Box::pin(future), output: None }).collect();
    std::future::poll_fn(|context| {
        let mut pending = 0;
        for one in running.iter_mut().filter(|one| one.output.is_none()) {
            match one.future.as_mut().poll(context) {
                Poll::Ready(done) => one.output = Some(done),
                Poll::Pending => pending += 1,
            }
            if pending == AT_ONCE {
                break;
            }
        }
        if pending == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    running.into_iter().filter_map(|one| one.output).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_waits_for_a_later_one_holds_it_not_up() {
        let (send, receive) = tokio::sync::oneshot::channel();
        let (mut send, mut receive) = (Some(send), Some(receive));
        let futures: Vec<_> = (0..20)
            .map(|number| {
                // The first waits for the last, which starts when there is room.
                let receive = receive.take_if(|_| number == 0);
                let send = send.take_if(|_| number == 19);
                async move {
                    if let Some(receive) = receive {
                        receive.await.unwrap();
                    }
                    if let Some(send) = send {
                        send.send(()).unwrap();
                    }
                    tokio::task::yield_now().await;
                    number
                }
            })
            .collect();
        assert_eq!(together(futures).await, (0..20).collect::<Vec<i32>>());
        assert!(together(Vec::<std::future::Ready<()>>::new()).await.is_empty());
    }
}
