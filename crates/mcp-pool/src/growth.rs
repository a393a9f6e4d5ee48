//! Decides when to open connections. Pure: no clock, no I/O.

/// Whether callers may share a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sharing {
    /// Callers share only where the server keeps no state per connection
    /// ([`Connection::is_stateless`](mcp_domain::Connection::is_stateless)), and where it
    /// pays: the pool watches whether calls on one connection run side by side. Where
    /// they run one after another, each caller is given a connection of its own
    /// (`unshared_servers` in the figures); every ten minutes that is found out anew.
    #[default]
    Auto,
    /// One caller at a time.
    Exclusive,
    /// The server is declared to keep no state per connection, and sharing to pay.
    Shared,
}

/// What is known of one server's and scope's connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    /// Places taken: connections that are opening, live or closing.
    pub(crate) reserved: usize,
    /// Connections that are being opened.
    pub(crate) opening: usize,
    /// Connections that are open.
    pub(crate) live: usize,
    /// Of these, those that are being checked and may be had in a moment.
    pub(crate) checking: usize,
    /// Of these, those that were just opened and not stored yet, or that one who waits is
    /// taking: they are neither idle nor in use.
    pub(crate) landing: usize,
    /// Callers who wait for a connection of their own.
    pub(crate) alone: usize,
    /// Callers who wait for a connection, or for room on one.
    pub(crate) together: usize,
    /// Callers who were told of room and have not taken it yet: it is not for others.
    pub(crate) invited: usize,
    /// Callers who wait by the figures, and have, or are just taking, room on a connection in use.
    pub(crate) joining: usize,
    /// Connects that came to nothing, or have not come to anything yet, that somebody
    /// waited for and the breaker has not heard of.
    pub(crate) unheard: usize,
    /// One more is wanted than those who wait need.
    pub(crate) extra: usize,
    /// Has a connection ever been opened?
    pub(crate) warm: bool,
    /// Did the last attempt to connect fail?
    pub(crate) failing: bool,
    /// Rises when all who wait are told that they wait in vain.
    pub(crate) epoch: u64,
}

/// How many callers one connection of this server can serve at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// This many.
    Callers(usize),
    /// Not known before the first connection has been opened.
    Unknown,
}

impl Census {
    /// How many callers wait.
    pub(crate) fn waiting(&self) -> usize {
        self.alone + self.together
    }

    /// How many connections will be there in a moment.
    pub(crate) fn coming(&self) -> usize {
        self.opening + self.checking + self.landing
    }

    /// Are all places of this server and scope taken?
    pub(crate) fn is_full(&self, max: usize) -> bool {
        self.reserved >= max
    }

    /// May one more idle connection be checked? There is no use in more than callers
    /// wait for one.
    pub(crate) fn may_check(&self) -> bool {
        self.checking < self.waiting().max(1)
    }

    /// How many connections to start opening now, if `max` may be reserved. On the
    /// connections in use there is room for `free` callers, `idle` ones are about to be
    /// taken, and each new one has `room`.
    ///
    /// While connects fail and there is something to wait for, nothing is opened:
    /// the next connection that comes back serves the waiting. With nothing to
    /// wait for, one attempt at a time.
    pub(crate) fn openers(
        &self,
        max: usize,
        min: usize,
        room: Room,
        free: usize,
        idle: usize,
    ) -> usize {
        let homeless = self.together.saturating_sub(self.joining + free);
        let wanted = self.alone
            + match room {
                Room::Callers(room) => homeless.div_ceil(room),
                Room::Unknown => homeless.min(1),
            };
        let wanted = wanted.saturating_sub(self.checking + self.landing + idle);
        let missing = if self.warm {
            min.saturating_sub(self.live)
        } else {
            0
        };
        let wanted = match (self.failing, self.live) {
            (false, _) => wanted.max(missing).max(self.extra),
            // The minimum can wait for better times.
            (true, 0) => wanted.min(1),
            (true, _) => 0,
        };
        wanted
            .saturating_sub(self.opening)
            .min(max.saturating_sub(self.reserved))
    }

    /// So many connects have begun.
    pub(crate) fn begun(&mut self, connects: usize) {
        self.reserved += connects;
        self.opening += connects;
        self.unheard += connects;
    }

    /// A connect succeeded; the connection is [landing](Self::landing).
    pub(crate) fn opened(&mut self) {
        self.opening -= 1;
        self.live += 1;
        self.landing += 1;
        self.warm = true;
        self.unheard = self.unheard.min(self.opening);
    }

    /// A connect failed. Tells how many wait in vain, because nothing is left that
    /// they could be given; they are to be told, and count no more.
    pub(crate) fn failed(&mut self) -> Option<usize> {
        self.opening -= 1;
        self.came_to_nothing()
    }

    /// A connect was given up, for no fault of the server.
    pub(crate) fn aborted(&mut self) {
        self.opening -= 1;
        self.unheard = self.unheard.min(self.opening);
    }

    /// A connection that was just opened is dead. Tells what [`failed`](Self::failed) does.
    pub(crate) fn stillborn(&mut self) -> Option<usize> {
        self.unheard += 1;
        self.came_to_nothing()
    }

    fn came_to_nothing(&mut self) -> Option<usize> {
        if self.live > 0 || self.waiting() == 0 {
            // Nobody will tell of it.
            self.unheard = self.unheard.min(self.opening);
        }
        (self.live == 0 && self.opening == 0).then(|| {
            self.epoch += 1;
            std::mem::take(&mut self.alone) + std::mem::take(&mut self.together)
        })
    }

    /// A caller has no connection because of a connect. Tells whether that is news to
    /// the breaker.
    pub(crate) fn is_news(&mut self) -> bool {
        let is_news = self.unheard > 0;
        self.unheard -= usize::from(is_news);
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXCLUSIVE: Room = Room::Callers(1);

    fn census(reserved: usize, opening: usize, live: usize, together: usize) -> Census {
        Census {
            reserved,
            opening,
            live,
            together,
            ..Census::default()
        }
    }

    #[track_caller]
    fn check(census: Census, room: Room, expected: usize) {
        assert_eq!(census.openers(6, 0, room, 0, 0), expected);
    }

    #[test]
    fn a_cold_burst_opens_no_more_than_it_needs() {
        check(census(0, 0, 0, 3), EXCLUSIVE, 3);
        check(census(0, 0, 0, 64), EXCLUSIVE, 6);
        check(census(0, 0, 0, 8), Room::Callers(8), 1);
        check(census(0, 0, 0, 64), Room::Callers(64), 1);
    }

    #[test]
    fn before_the_first_connection_one_is_opened_to_find_out() {
        check(census(0, 0, 0, 64), Room::Unknown, 1);
        check(census(1, 1, 0, 64), Room::Unknown, 0);
    }

    #[test]
    fn who_wants_a_connection_alone_counts_for_a_whole_one() {
        let mut mixed = census(0, 0, 0, 8);
        mixed.alone = 3;
        check(mixed, Room::Callers(8), 4);
        check(mixed, Room::Unknown, 4);
    }

    #[test]
    fn room_on_connections_in_use_is_taken_first() {
        assert_eq!(census(1, 0, 1, 5).openers(6, 0, Room::Callers(8), 5, 0), 0);
        assert_eq!(census(1, 0, 1, 5).openers(6, 0, Room::Callers(8), 4, 0), 1);
    }

    #[test]
    fn who_has_room_already_needs_no_other() {
        let mut joining = census(1, 0, 1, 5);
        joining.joining = 1;
        assert_eq!(joining.openers(6, 0, Room::Callers(8), 4, 0), 0);
        assert_eq!(joining.openers(6, 0, Room::Callers(8), 3, 0), 1);
    }

    #[test]
    fn connections_that_are_being_opened_count() {
        check(census(2, 2, 0, 3), EXCLUSIVE, 1);
        check(census(6, 2, 4, 64), EXCLUSIVE, 0);
    }

    #[test]
    fn connections_that_are_idle_or_being_checked_count() {
        assert_eq!(census(2, 0, 2, 3).openers(6, 0, EXCLUSIVE, 0, 1), 2);
        let mut checked = census(2, 0, 2, 3);
        checked.checking = 2;
        check(checked, EXCLUSIVE, 1);
    }

    #[test]
    fn a_connection_that_was_just_opened_counts_before_it_is_stored() {
        let mut landing = census(1, 1, 0, 8);
        check(landing, Room::Callers(8), 0);
        landing.opened();
        check(landing, Room::Callers(8), 0);
        landing.together = 9;
        check(landing, Room::Callers(8), 1);
    }

    #[test]
    fn no_more_are_checked_than_callers_wait() {
        let mut census = census(3, 0, 3, 0);
        for (checking, together, may) in [(0, 0, true), (1, 0, false), (1, 1, false), (1, 2, true)]
        {
            (census.checking, census.together) = (checking, together);
            assert_eq!(census.may_check(), may, "{checking} for {together}");
        }
    }

    #[test]
    fn one_more_may_be_asked_for_within_the_limit() {
        let mut curious = census(1, 0, 1, 0);
        curious.extra = 1;
        check(curious, Room::Callers(8), 1);
        curious.reserved = 6;
        check(curious, Room::Callers(8), 0);
    }

    #[test]
    fn connections_that_are_closing_hold_their_place() {
        check(census(6, 0, 0, 1), EXCLUSIVE, 0);
    }

    #[test]
    fn a_failing_server_is_tried_by_one_and_only_if_nothing_else_can_serve() {
        let mut failing = census(0, 0, 0, 64);
        failing.failing = true;
        check(failing, EXCLUSIVE, 1);
        let mut limping = census(1, 0, 1, 64);
        limping.failing = true;
        check(limping, EXCLUSIVE, 0);
    }

    #[test]
    fn those_who_wait_are_told_when_the_last_hope_fails() {
        let mut two = census(2, 2, 0, 5);
        assert_eq!(two.failed(), None);
        assert_eq!(two.failed(), Some(5));
        assert_eq!((two.waiting(), two.epoch), (0, 1));
        let mut limping = census(2, 1, 1, 5);
        assert_eq!(limping.failed(), None);
        assert_eq!(limping.waiting(), 5);
    }

    #[test]
    fn the_minimum_is_restored_only_once_warm() {
        let mut cold = census(0, 0, 0, 0);
        assert_eq!(cold.openers(6, 2, EXCLUSIVE, 0, 0), 0);
        cold.warm = true;
        assert_eq!(cold.openers(6, 2, EXCLUSIVE, 0, 0), 2);
        cold.failing = true;
        assert_eq!(cold.openers(6, 2, EXCLUSIVE, 0, 0), 0);
    }
}
