package auth

import "net/http"

// style serves what smart_style_url leads to (SMART §3.0.4).
func (c *call) style() error {
	return c.writeJSON(http.StatusOK, map[string]string{
		"color_background": "#ffffff", "color_error": "#b3261e", "color_highlight": "#0b6bcb", "color_modal_backdrop": "#1b2733",
		"color_success": "#1a7f37", "color_text": "#1b2733",
		"dim_border_radius": "4px", "dim_font_size": "16px", "dim_spacing_size": "16px",
		"font_family_body": "system-ui, sans-serif", "font_family_heading": "system-ui, sans-serif",
	})
}
