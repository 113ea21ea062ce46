"""Tables and numbers as a notebook shows them. Standard library only."""

import unittest

import gantry


class Words(unittest.TestCase):
    def test_one_is_singular_and_sizes_have_the_unit_that_suits_them(self):
        self.assertEqual([gantry.counted(n, "file") for n in (0, 1, 2, 1024)], ["0 files", "1 file", "2 files", "1,024 files"])
        self.assertEqual(gantry.counted(2, "series", "series"), "2 series")
        sizes = [gantry.sized(n) for n in (1, 999, 1000, 12_345, 999_999, 27_317_348, 1_811_709_771)]
        self.assertEqual(sizes, ["1 byte", "999 bytes", "1.0 kB", "12.3 kB", "1.0 MB", "27.3 MB", "1.8 GB"])

    def test_a_table_leaves_out_what_nobody_states_and_runs_no_markup(self):
        table = gantry.Table(["", "product", "unit"], [[0, "<script>", None], [1, "b", ""]])
        self.assertEqual(table.titles, ["", "product"])
        self.assertIn("&lt;script&gt;", table._repr_html_())
        self.assertNotIn("<script>", table._repr_html_())
        self.assertEqual(repr(table), "  product\n0  <script>\n1  b")


if __name__ == "__main__":
    unittest.main()
