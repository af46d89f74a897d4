//! The disk: the only room that touches it. (Stand-in of the cabinet's branch; replaced when branches meet.)

pub mod durable;
