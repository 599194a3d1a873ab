package auth

import "net/http"

// style serves what smart_style_url leads to (SMART §3.0.4).
func (c *call) style() error {
	return c.writeJSON(http.StatusOK, map[string]string{
		"color_background": "#fffdfb", "color_error": "#a4161a", "color_highlight": "#a33b06", "color_modal_backdrop": "#231b15",
		"color_success": "#14622f", "color_text": "#231b15",
		"dim_border_radius": "6px", "dim_font_size": "16px", "dim_spacing_size": "16px",
		"font_family_body": "system-ui, sans-serif", "font_family_heading": "system-ui, sans-serif",
	})
}
