"""PCB defect detection with YOLOv3."""
