//! Turns: the files of a job take their names in the order of the job, though many are under way at once.
//!
//! Which of two files of one name gets it must not depend on which was faster, or a plan could not say it beforehand.

use tokio::sync::oneshot;

/// Makes turns, each after the one before.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    last: Option<oneshot::Receiver<()>>,
}

/// The turn of one file.
#[derive(Debug)]
pub(crate) struct Turn {
    before: Option<oneshot::Receiver<()>>,
    done: Option<oneshot::Sender<()>>,
}

impl Turns {
    /// The turn after all those made before.
    pub(crate) fn next(&mut self) -> Turn {
        let (done, after) = oneshot::channel();
        Turn {
            before: self.last.replace(after),
            done: Some(done),
        }
    }
}

impl Turn {
    /// Waits until all before have passed, or are no more.
    pub(crate) async fn come(&mut self) {
        if let Some(before) = &mut self.before {
            // An error says that the file before is no more, and with it everything it held.
            let _passed = before.await;
            self.before = None;
        }
    }

    /// Lets the next one come; only after [`Turn::come`], or it would overtake.
    pub(crate) fn pass(&mut self) {
        if let Some(done) = self.done.take() {
            let _gone = done.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_come_in_the_order_they_were_made_whoever_is_ready_first() {
        let mut turns = Turns::default();
        let (mut first, mut second) = (turns.next(), turns.next());
        let order = std::sync::Mutex::new(Vec::new());
        let late = async {
            second.come().await;
            order.lock().unwrap().push(2);
            second.pass();
        };
        let early = async {
            tokio::task::yield_now().await;
            first.come().await;
            order.lock().unwrap().push(1);
            first.pass();
        };
        tokio::join!(late, early);
        assert_eq!(*order.lock().unwrap(), [1, 2]);
    }
}
