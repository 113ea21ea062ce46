//! Real files, served by the stand-in where their names belong.
